"""What Firestore keeps of a session, and back: documents as mappings of plain values.

sessions/{id}                     the session document; takes are a map, so that a commit writes one of them; `id` is
                                  its own id, which queries that also compare another field are ordered by
sessions/{id}/entries/{n:08d}     one entry each, sealed; ids sort as their indexes do
sessions/{id}/polished/{n:08d}
sessions/{id}/records/{name}      small records; `changed_at_ms` is for whoever listens to all of them

Documents that are replaced carry `write`, drawn anew for every write: Firestore leaves a document's update time, which
is our version, as it is where a write changes nothing.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any, Final

from google.cloud.firestore_v1 import DELETE_FIELD
from google.cloud.firestore_v1.field_path import FieldPath

from shared.domain.session import SessionDocument, SessionState
from shared.domain.takes import Take
from shared.domain.values import SessionId
from shared.ports import EntryRow, PolishedRow, RecordFields, StoredRecord, Version

Fields = dict[str, Any]

SESSIONS: Final = "sessions"
ENTRIES: Final = "entries"
POLISHED: Final = "polished"
RECORDS: Final = "records"
CHANGED_AT_MS: Final = "changed_at_ms"
WRITE: Final = "write"
EXPIRES_AT: Final = "expires_at"
"""Of tombstones only: Firestore removes the document some time after it (a TTL policy on this field)."""

TOMBSTONE_DAYS: Final = 30
"""How long a tombstone answers that its session is deleted."""

_DAY_S: Final = 86_400
_PLAIN: Final = tuple(each.name for each in fields(SessionDocument) if each.name not in ("takes", "state"))


def document_id(index: int) -> str:
    return f"{index:08d}"


def session_fields(session: SessionId, document: SessionDocument) -> Fields:
    plain: Fields = {name: getattr(document, name) for name in _PLAIN}
    takes = {take.take_id: _take_fields(take) for take in document.takes}
    expires: Fields = {}
    if document.state is SessionState.PURGED:
        expires[EXPIRES_AT] = datetime.fromtimestamp(
            document.heartbeat_at_ms // 1_000 + TOMBSTONE_DAYS * _DAY_S, UTC
        )
    return {**plain, "id": session, "state": document.state.value, "takes": takes, **expires}


def changed_fields(before: Fields, after: Fields) -> Fields:
    """By field path, what an update must say to turn one into the other. Of the takes, only those that differ."""
    changes: Fields = {WRITE: secrets.token_hex(8)}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if name == "takes" and isinstance(old, dict) and isinstance(new, dict):
            changes |= _changed_takes(old, new)
        elif old != new:
            changes[name] = new if name in after else DELETE_FIELD
    return changes


def _changed_takes(before: Fields, after: Fields) -> Fields:
    if not after:
        return {"takes": {}} if before else {}
    # Ids hold hyphens, which a field path must quote.
    return {
        FieldPath("takes", take_id).to_api_repr(): after.get(take_id, DELETE_FIELD)
        for take_id in sorted(before.keys() | after.keys())
        if before.get(take_id) != after.get(take_id)
    }


def session_document(stored: Mapping[str, Any]) -> SessionDocument:
    takes = [Take(**each) for each in stored["takes"].values()]
    plain = {name: stored[name] for name in _PLAIN}
    return SessionDocument(
        **plain,
        state=SessionState(stored["state"]),
        takes=tuple(sorted(takes, key=lambda take: take.number)),
    )


def _take_fields(take: Take) -> Fields:
    return asdict(take)


def entry_fields(row: EntryRow) -> Fields:
    return asdict(row)


def entry_row(stored: Mapping[str, Any]) -> EntryRow:
    return EntryRow(**stored)


def polished_fields(row: PolishedRow) -> Fields:
    return {**asdict(row), "flags": list(row.flags)}


def polished_row(stored: Mapping[str, Any]) -> PolishedRow:
    return PolishedRow(**{**stored, "flags": tuple(stored["flags"])})


def record_body(fields: RecordFields, changed_at_ms: int) -> Fields:
    return {"fields": dict(fields), CHANGED_AT_MS: changed_at_ms, WRITE: secrets.token_hex(8)}


def stored_record(stored: Mapping[str, Any], version: Version) -> StoredRecord:
    kept: RecordFields = stored["fields"]
    return StoredRecord(kept, version)
