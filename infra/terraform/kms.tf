resource "google_kms_key_ring" "steno" {
  name     = "steno"
  location = var.region

  depends_on = [google_project_service.used]
}

# Wraps the key of every session. Destroying it makes every session unreadable, for ever.
resource "google_kms_crypto_key" "sessions" {
  name            = "sessions"
  key_ring        = google_kms_key_ring.steno.id
  purpose         = "ENCRYPT_DECRYPT"
  rotation_period = "7776000s"

  lifecycle {
    prevent_destroy = true
  }
}

# What Pub/Sub and Cloud Storage encrypt with at rest, over the ciphertext that they are given.
resource "google_kms_crypto_key" "storage" {
  name            = "storage"
  key_ring        = google_kms_key_ring.steno.id
  purpose         = "ENCRYPT_DECRYPT"
  rotation_period = "7776000s"

  lifecycle {
    prevent_destroy = true
  }
}

data "google_project" "this" {
  project_id = var.project
}

data "google_storage_project_service_account" "agent" {}

# Google makes it with the first topic, which needs this key before; so it is made by hand beforehand (docs/operations.md).
locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_kms_crypto_key_iam_member" "storage_agents" {
  for_each = {
    pubsub  = local.pubsub_agent
    storage = "serviceAccount:${data.google_storage_project_service_account.agent.email_address}"
  }

  crypto_key_id = google_kms_crypto_key.storage.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}
