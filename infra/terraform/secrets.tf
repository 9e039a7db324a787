# The secrets themselves are put in by a person, never through this state: gcloud secrets versions add NAME --data-file=-
resource "google_secret_manager_secret" "of_ingest" {
  for_each = toset(["steno-ticket-keys", "steno-deepgram-key", "steno-speechmatics-key"])

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
