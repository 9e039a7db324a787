"""What counts as what, on messages as the vendors' clients make them."""

import json
from datetime import UTC, datetime

import pytest
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsResponse,
    CommitRequest,
    Document,
    DocumentChange,
    ListenRequest,
    ListenResponse,
    RunQueryRequest,
    RunQueryResponse,
    StructuredQuery,
    Target,
    Write,
)
from google.pubsub_v1.types import PublishRequest, PubsubMessage

from tests.bench.cloud_meter import Counted, Counts, Meter
from tests.bench.cloud_prices import Kind

ROOT = "projects/p/databases/(default)/documents"


def counts(kind: Kind, **counted: int) -> Counts:
    return Counts({Counted("polish", kind, what.replace("_", " ")): count for what, count in counted.items()})


def at(second: int) -> datetime:
    return datetime(2026, 11, 25, 12, 0, second, tzinfo=UTC)


def document(path: str) -> Document:
    return Document(name=f"{ROOT}/{path}")


def commit(*writes: Write) -> bytes:
    return bytes(CommitRequest.serialize(CommitRequest(database="d", writes=writes)))


def query(collection: str, where: StructuredQuery.Filter | None = None) -> bytes:
    source = StructuredQuery.CollectionSelector(collection_id=collection)
    asked = StructuredQuery(from_=[source], where=where)
    return bytes(RunQueryRequest.serialize(RunQueryRequest(parent=ROOT, structured_query=asked)))


def compared(field: str, operator: str) -> StructuredQuery.Filter:
    reference = StructuredQuery.FieldReference(field_path=field)
    return StructuredQuery.Filter(field_filter=StructuredQuery.FieldFilter(field=reference, op=operator))


def test_a_commit_is_a_write_for_each_document_once_it_is_answered() -> None:
    meter = Meter()
    ear = meter.firestore("polish", "Commit")
    ear.asked(commit(Write(update=document("sessions/s/entries/0")), Write(update=document("sessions/s"))))
    assert not meter.read_off()
    ear.answered(b"")
    assert meter.read_off() == counts(Kind.WRITE, entry=1, session=1)


def test_a_delete_is_no_write() -> None:
    meter = Meter()
    ear = meter.firestore("polish", "Commit")
    ear.asked(commit(Write(delete=f"{ROOT}/sessions/s/records/polish")))
    ear.answered(b"")
    assert meter.read_off() == counts(Kind.DELETE, record_polish=1)


def test_what_is_asked_for_by_name_is_read_found_or_not() -> None:
    meter = Meter()
    ear = meter.firestore("polish", "BatchGetDocuments")
    ear.answered(BatchGetDocumentsResponse.serialize(BatchGetDocumentsResponse(found=document("sessions/s"))))
    missing = BatchGetDocumentsResponse(missing=f"{ROOT}/sessions/s/records/draft")
    ear.answered(BatchGetDocumentsResponse.serialize(missing))
    assert meter.read_off() == counts(Kind.READ, session=1, record_draft=1)


def test_the_supervisors_looks_are_left_out() -> None:
    meter = Meter()
    ear = meter.firestore("polish", "BatchGetDocuments")
    probe = BatchGetDocumentsResponse(found=document("checks/probe"))
    ear.answered(BatchGetDocumentsResponse.serialize(probe))
    assert not meter.read_off()


@pytest.mark.parametrize(("found", "reads"), [(0, 1), (1, 1), (3, 3)])
def test_a_query_is_a_read_at_least(found: int, reads: int) -> None:
    meter = Meter()
    ear = meter.firestore("polish", "RunQuery")
    ear.asked(query("entries"))
    for number in range(found):
        answer = RunQueryResponse(document=document(f"sessions/s/entries/{number}"))
        ear.answered(RunQueryResponse.serialize(answer))
    ear.answered(RunQueryResponse.serialize(RunQueryResponse(read_time=at(1))))
    assert meter.read_off() == Counts({Counted("polish", Kind.READ, "entry, page"): reads})


@pytest.mark.parametrize(
    ("field", "operator", "what"),
    [
        ("heartbeat_at_ms", "GREATER_THAN_OR_EQUAL", "sessions touched lately"),
        ("purge_at_ms", "LESS_THAN_OR_EQUAL", "sessions due"),
        ("owner", "EQUAL", "list of sessions"),
        ("state", "IN", "sessions unfinished"),
        ("state", "EQUAL", "tombstones"),
    ],
)
def test_a_query_for_sessions_is_named_by_what_it_compares(field: str, operator: str, what: str) -> None:
    meter = Meter()
    meter.firestore("polish", "RunQuery").asked(query("sessions", compared(field, operator)))
    assert meter.read_off() == Counts({Counted("polish", Kind.READ, what): 1})


def test_a_listener_reads_each_change_once_however_often_it_is_told() -> None:
    meter = Meter()
    ear = meter.firestore("polish", "Listen")
    ear.asked(ListenRequest.serialize(ListenRequest(database="d", add_target=Target(target_id=1))))
    for second in (1, 1, 2):
        changed = Document(name=f"{ROOT}/sessions/s/records/draft", update_time=at(second))
        ear.answered(
            ListenResponse.serialize(ListenResponse(document_change=DocumentChange(document=changed)))
        )
    ear.answered(ListenResponse.serialize(ListenResponse()))
    begin = Counted("polish", Kind.READ, "listener's begin")
    assert meter.read_off() == Counts(
        {begin: 1, Counted("polish", Kind.READ, "record draft, listened to"): 2}
    )


def test_a_call_that_nobody_counted_yet_is_not_passed_over() -> None:
    with pytest.raises(AssertionError, match="BeginTransaction"):
        Meter().firestore("polish", "BeginTransaction")


def test_what_is_published_is_billed_by_its_bytes_once_it_is_taken() -> None:
    meter = Meter()
    ear = meter.pubsub("polish", "Publish")
    message = PubsubMessage(data=bytes(2_000), attributes={"session": "s"})
    ear.asked(PublishRequest.serialize(PublishRequest(topic="t", messages=[message])))
    assert not meter.read_off()
    ear.answered(b"")
    assert meter.read_off() == counts(Kind.BUS, published=2_048)


def test_what_is_pushed_is_billed_by_its_message_not_by_its_envelope() -> None:
    meter = Meter()
    meter.push("polish", json.dumps({"message": {"data": "AAAA", "attributes": {"session": "s"}}}).encode())
    assert meter.read_off() == counts(Kind.BUS, pushed=1_000)


@pytest.mark.parametrize(
    ("method", "path", "kind", "what"),
    [
        ("POST", "/upload/storage/v1/b/drafts/o", Kind.CLASS_A, "object made"),
        ("GET", "/storage/v1/b/drafts/o", Kind.CLASS_A, "objects listed"),
        ("GET", "/download/storage/v1/b/drafts/o/drafts%2Fs%2Fkey", Kind.CLASS_B, "object read"),
    ],
)
def test_requests_to_storage_have_two_classes(method: str, path: str, kind: Kind, what: str) -> None:
    meter = Meter()
    meter.storage("polish", method, path)
    assert meter.read_off() == Counts({Counted("polish", kind, what): 1})


def test_deleting_an_object_is_free() -> None:
    meter = Meter()
    meter.storage("polish", "DELETE", "/storage/v1/b/drafts/o/drafts%2Fs%2Fkey")
    assert not meter.read_off()
