output "recorder" {
  description = "Where clinicians dictate; null without a sign-in."
  value       = one(google_cloud_run_v2_service.ingest[*].uri)
}
