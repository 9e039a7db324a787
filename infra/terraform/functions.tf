locals {
  # A service cannot be told its own address before it exists; callers' tokens are made out to this name instead.
  audience = "steno-functions"

  functions = {
    polish = {
      timeout = "90s"
      environment = merge(
        { STENO_POLISHER = var.polisher },
        var.polisher == "gemini" ? { STENO_GEMINI_LOCATION = var.gemini_location } : {},
      )
    }
    autosave = {
      # A sweep looks at every session that may need something.
      timeout     = "180s"
      environment = { STENO_SCHEDULER_SERVICE_ACCOUNT = google_service_account.of["scheduler"].email }
    }
  }
}

resource "google_cloud_run_v2_service" "function" {
  for_each = local.functions

  name     = "steno-${each.key}"
  location = var.region
  ingress  = "INGRESS_TRAFFIC_INTERNAL_ONLY"

  # Who calls is for the function itself to find out (shared/push.py). Where Cloud Run looks first, it takes the signature
  # off the caller's token before it hands the request on, and the function would refuse every push and every sweep.
  invoker_iam_disabled = true
  deletion_protection  = true

  template {
    service_account                  = google_service_account.of[each.key].email
    timeout                          = each.value.timeout
    max_instance_request_concurrency = 16

    scaling {
      max_instance_count = var.instances_max
    }

    containers {
      image = var.images[each.key]

      resources {
        # All they do, they do while somebody waits for the answer. Unset, an instance would be billed for as long as it is
        # there, and the sweep of each minute keeps one there always.
        cpu_idle = true
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
      }

      dynamic "env" {
        for_each = merge(local.common_environment, each.value.environment, {
          STENO_PUSH_AUDIENCE        = local.audience
          STENO_PUSH_SERVICE_ACCOUNT = google_service_account.of["push"].email
        })

        content {
          name  = env.key
          value = env.value
        }
      }

      # A function is set up at its first request. Let that be this one: a revision that was told something wrong, or may
      # not reach its store, then gets no wake-up, and the one before it goes on.
      startup_probe {
        period_seconds    = 3
        timeout_seconds   = 3
        failure_threshold = 20

        http_get {
          path = "/readyz"
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
  ]
}

# Once a minute; it may run twice, or at once. Cloud Scheduler never starts one while the last still runs.
resource "google_cloud_scheduler_job" "sweep" {
  name             = "steno-sweep"
  region           = var.region
  schedule         = "* * * * *"
  attempt_deadline = "180s"

  http_target {
    http_method = "POST"
    uri         = "${google_cloud_run_v2_service.function["autosave"].uri}/sweep"

    oidc_token {
      service_account_email = google_service_account.of["scheduler"].email
      audience              = local.audience
    }
  }

  depends_on = [google_project_service.used]
}
