output "recorder" {
  description = "Where clinicians dictate."
  value       = google_cloud_run_v2_service.ingest.uri
}
