resource "google_firestore_database" "default" {
  name        = "(default)"
  location_id = var.region
  type        = "FIRESTORE_NATIVE"

  # A restore draws a new log_id for every session, so that recorders read anew (docs/operations.md). What a clinician
  # deleted stays in this window; docs/security.md states it.
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = "DELETE_PROTECTION_ENABLED"
  deletion_policy                   = "ABANDON"

  depends_on = [google_project_service.used]
}

# What the queries of shared/adapters/firestore.py need. No emulator misses an index, so this list is held to that
# file's by a test.
resource "google_firestore_index" "owned" {
  database   = google_firestore_database.default.name
  collection = "sessions"

  fields {
    field_path = "owner"
    order      = "ASCENDING"
  }
  fields {
    field_path = "state"
    order      = "ASCENDING"
  }
  fields {
    field_path = "created_at_ms"
    order      = "DESCENDING"
  }
  fields {
    field_path = "__name__"
    order      = "ASCENDING"
  }
}

resource "google_firestore_index" "by_id" {
  for_each = toset(["heartbeat_at_ms", "purge_at_ms"])

  database   = google_firestore_database.default.name
  collection = "sessions"

  fields {
    field_path = "id"
    order      = "ASCENDING"
  }
  fields {
    field_path = each.value
    order      = "ASCENDING"
  }
}

# One listener an instance hears of every record that changes.
resource "google_firestore_field" "records_changed" {
  database   = google_firestore_database.default.name
  collection = "records"
  field      = "changed_at_ms"

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION_GROUP"
    }
  }
}

resource "google_firestore_field" "sessions_by_state" {
  database   = google_firestore_database.default.name
  collection = "sessions"
  field      = "state"

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION"
    }
  }
}

# Only tombstones carry this field: a session itself is deleted by the sweep, which removes what belongs to it.
resource "google_firestore_field" "tombstones_expire" {
  database   = google_firestore_database.default.name
  collection = "sessions"
  field      = "expires_at"

  ttl_config {}
  index_config {}
}

# Indexes that nothing asks for would cost a write each, on every commit. Worse, that of a time which only grows, as of
# heartbeats, takes all its writes at one end, where Firestore takes about 500 a second.
resource "google_firestore_field" "unindexed" {
  for_each = {
    for pair in [
      ["sessions", "*"], ["entries", "*"], ["polished", "*"], ["records", "fields"], ["records", "write"],
    ] : join("-", pair) => { collection = pair[0], field = pair[1] }
  }

  database   = google_firestore_database.default.name
  collection = each.value.collection
  field      = each.value.field

  index_config {}
}
