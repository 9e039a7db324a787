# One account for each service, and each may do what it does and no more.
resource "google_service_account" "of" {
  for_each = {
    ingest    = "Steno ingest"
    polish    = "Steno polish"
    autosave  = "Steno autosave and sweep"
    push      = "Pub/Sub, as it calls polish and autosave"
    scheduler = "Cloud Scheduler, as it calls the sweep"
  }

  account_id   = "steno-${each.key}"
  display_name = each.value

  depends_on = [google_project_service.used]
}

resource "google_project_iam_member" "stores" {
  for_each = toset(["ingest", "polish", "autosave"])

  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.of[each.value].member
}

resource "google_kms_crypto_key_iam_member" "opens_sessions" {
  for_each = toset(["ingest", "polish", "autosave"])

  crypto_key_id = google_kms_crypto_key.sessions.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = google_service_account.of[each.value].member
}

resource "google_pubsub_topic_iam_member" "wakes" {
  for_each = toset(["ingest", "polish", "autosave"])

  topic  = google_pubsub_topic.wakeups.id
  role   = "roles/pubsub.publisher"
  member = google_service_account.of[each.value].member
}

# Poison is put aside by the functions themselves, what fails too often by Pub/Sub.
resource "google_pubsub_topic_iam_member" "buries" {
  for_each = {
    polish   = google_service_account.of["polish"].member
    autosave = google_service_account.of["autosave"].member
    pubsub   = local.pubsub_agent
  }

  topic  = google_pubsub_topic.dead_letters.id
  role   = "roles/pubsub.publisher"
  member = each.value
}

resource "google_pubsub_subscription_iam_member" "moves_dead_letters" {
  for_each = google_pubsub_subscription.push

  subscription = each.value.id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# Ingest deletes drafts when their owner deletes a session; only autosave writes and reads them.
resource "google_storage_bucket_iam_member" "drafts" {
  for_each = {
    autosave = "roles/storage.objectUser"
    ingest   = "roles/storage.objectUser"
  }

  bucket = google_storage_bucket.drafts.name
  role   = each.value
  member = google_service_account.of[each.key].member
}

resource "google_project_iam_member" "polish_asks_gemini" {
  count = var.polisher == "gemini" ? 1 : 0

  project = var.project
  role    = "roles/aiplatform.user"
  member  = google_service_account.of["polish"].member
}
