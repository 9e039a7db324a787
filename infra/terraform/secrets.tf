locals {
  vendor_keys = {
    deepgram     = { setting = "STENO_DEEPGRAM_KEY", secret = "steno-deepgram-key" }
    speechmatics = { setting = "STENO_SPEECHMATICS_KEY", secret = "steno-speechmatics-key" }
  }

  # Cloud Run starts nothing that names a secret without a version, so only those of the chosen engines are named.
  secrets = merge(
    { STENO_TICKET_KEYS = "steno-ticket-keys" },
    { for engine, key in local.vendor_keys : key.setting => key.secret if contains(var.engines, engine) },
  )
}

# The secrets themselves are put in by a person, never through this state (docs/operations.md says how).
resource "google_secret_manager_secret" "of_ingest" {
  for_each = toset(values(local.secrets))

  secret_id = each.value

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.used]
}

resource "google_secret_manager_secret_iam_member" "ingest_reads" {
  for_each = google_secret_manager_secret.of_ingest

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.of["ingest"].member
}
