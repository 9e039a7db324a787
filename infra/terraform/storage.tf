resource "google_storage_bucket" "drafts" {
  name     = "${var.project}-steno-drafts"
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  encryption {
    default_kms_key_name = google_kms_crypto_key.storage.id
  }

  # What is deleted is gone: a session's key object first, and what it sealed is noise from then on.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  versioning {
    enabled = false
  }

  depends_on = [google_kms_crypto_key_iam_member.storage_agents]
}
