locals {
  audience = "steno-functions"
}

resource "google_cloud_run_v2_service" "polish" {
  name     = "steno-polish"
  location = var.region
  ingress  = "INGRESS_TRAFFIC_INTERNAL_ONLY"

  deletion_protection = true
  # Its own address cannot be told to a service before it exists; callers' tokens are made out to this name instead.
  custom_audiences = [local.audience]

  template {
    service_account                  = google_service_account.of["polish"].email
    timeout                          = "90s"
    max_instance_request_concurrency = 16

    scaling {
      max_instance_count = var.instances_max
    }

    containers {
      image = var.images.polish

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
      }

      dynamic "env" {
        for_each = merge(local.common_environment, {
          STENO_POLISHER             = var.polisher
          STENO_PUSH_AUDIENCE        = local.audience
          STENO_PUSH_SERVICE_ACCOUNT = google_service_account.of["push"].email
        })

        content {
          name  = env.key
          value = env.value
        }
      }
    }
  }

  depends_on = [google_project_service.used]
}

resource "google_cloud_run_v2_service" "autosave" {
  name     = "steno-autosave"
  location = var.region
  ingress  = "INGRESS_TRAFFIC_INTERNAL_ONLY"

  deletion_protection = true
  # Its own address cannot be told to a service before it exists; callers' tokens are made out to this name instead.
  custom_audiences = [local.audience]

  template {
    service_account                  = google_service_account.of["autosave"].email
    timeout                          = "180s"
    max_instance_request_concurrency = 16

    scaling {
      max_instance_count = var.instances_max
    }

    containers {
      image = var.images.autosave

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
      }

      dynamic "env" {
        for_each = merge(local.common_environment, {
          STENO_PUSH_AUDIENCE             = local.audience
          STENO_PUSH_SERVICE_ACCOUNT      = google_service_account.of["push"].email
          STENO_SCHEDULER_SERVICE_ACCOUNT = google_service_account.of["scheduler"].email
        })

        content {
          name  = env.key
          value = env.value
        }
      }
    }
  }

  depends_on = [google_project_service.used]
}

# Once a minute; it may run twice, or at once. Cloud Scheduler never starts one while the last still runs.
resource "google_cloud_scheduler_job" "sweep" {
  name             = "steno-sweep"
  region           = var.region
  schedule         = "* * * * *"
  attempt_deadline = "180s"

  http_target {
    http_method = "POST"
    uri         = "${google_cloud_run_v2_service.autosave.uri}/sweep"

    oidc_token {
      service_account_email = google_service_account.of["scheduler"].email
      audience              = local.audience
    }
  }

  depends_on = [google_project_service.used]
}
