locals {
  ingest_port = 8080

  common_environment = {
    STENO_BACKEND        = "gcp"
    STENO_PROJECT        = var.project
    STENO_BUCKET         = google_storage_bucket.drafts.name
    STENO_KMS_KEY        = google_kms_crypto_key.sessions.id
    STENO_RETENTION_DAYS = tostring(var.retention_days)
    STENO_LOG_FORMAT     = "json"
  }
}

# It refuses to start without a sign-in, so there is none until one is named. That is also the first of two steps: the
# secrets that ingest reads at its start are made before it, and a person puts them in meanwhile.
resource "google_cloud_run_v2_service" "ingest" {
  count = var.sign_in == "" ? 0 : 1

  name     = "steno-ingest"
  location = var.region
  ingress  = "INGRESS_TRAFFIC_ALL"

  # Recorders are not Google accounts: who they are is for the service's own sign-in and tickets to decide.
  invoker_iam_disabled = true
  deletion_protection  = true

  template {
    service_account = google_service_account.of["ingest"].email

    # A WebSocket is one request to Cloud Run, and 60 minutes its limit; connections move themselves after 55.
    timeout = "3600s"
    # Sockets that have not said hello are bounded apart, by the service.
    max_instance_request_concurrency = min(1000, var.sessions_max + 100)
    # A recorder resumes on any instance; coming back to its own only saves a little.
    session_affinity = true

    scaling {
      min_instance_count = 1
      max_instance_count = var.instances_max
    }

    containers {
      image = var.images.ingest

      ports {
        container_port = local.ingest_port
      }

      resources {
        limits = {
          cpu    = "2"
          memory = "2Gi"
        }
        # Billed by instance: a lost client's last words are flushed after its socket has closed.
        cpu_idle          = false
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = merge(local.common_environment, {
          STENO_HOST         = "0.0.0.0"
          STENO_PORT         = tostring(local.ingest_port)
          STENO_ENGINES      = join(",", var.engines)
          STENO_SIGN_IN      = var.sign_in
          STENO_SESSIONS_MAX = tostring(var.sessions_max)
        })

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.secrets

        content {
          name = env.key

          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.of_ingest[env.value].secret_id
              version = "latest"
            }
          }
        }
      }

      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 30

        http_get {
          path = "/readyz"
        }
      }

      liveness_probe {
        period_seconds = 10

        http_get {
          path = "/healthz"
        }
      }
    }
  }

  # A revision that cannot reach these does not become ready, and the apply fails with it.
  depends_on = [
    google_project_service.used,
    google_firestore_database.default,
    google_kms_crypto_key_iam_member.opens_sessions,
    google_project_iam_member.stores,
    google_secret_manager_secret_iam_member.ingest_reads,
  ]
}
