resource "google_pubsub_topic" "wakeups" {
  name                       = "steno-wakeups"
  message_retention_duration = "604800s"
  kms_key_name               = google_kms_crypto_key.storage.id

  depends_on = [google_kms_crypto_key_iam_member.storage_agents]
}

resource "google_pubsub_topic" "dead_letters" {
  name         = "steno-dead-letters"
  kms_key_name = google_kms_crypto_key.storage.id

  depends_on = [google_kms_crypto_key_iam_member.storage_agents]
}

# Without a subscription of its own a dead letter would be dropped as it is written.
resource "google_pubsub_subscription" "dead_letters" {
  name                       = "steno-dead-letters"
  topic                      = google_pubsub_topic.dead_letters.id
  message_retention_duration = "2678400s"
  ack_deadline_seconds       = 60

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "push" {
  for_each = google_cloud_run_v2_service.function

  name  = "steno-${each.key}"
  topic = google_pubsub_topic.wakeups.id
  # Longer than a session may be handled (shared/push.py), or it would be sent a second time meanwhile.
  ack_deadline_seconds       = 90
  message_retention_duration = "604800s"

  push_config {
    # Exactly this address: a redirect's answer would count as an acknowledgement.
    push_endpoint = each.value.uri

    oidc_token {
      service_account_email = google_service_account.of["push"].email
      audience              = local.audience
    }
  }

  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "60s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters.id
    max_delivery_attempts = 10
  }

  expiration_policy {
    ttl = ""
  }
}
