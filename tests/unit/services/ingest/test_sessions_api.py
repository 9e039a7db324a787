"""Every address under /v1/sessions: what it answers, and what it says to what it cannot understand."""

from dataclasses import replace

import httpx
import pytest

from services.ingest.sessions_api import LABEL_CHARACTERS_MAX, SESSIONS_PER_PAGE, SESSIONS_PER_PAGE_MAX
from services.ingest.sign_in import LOCAL_PRINCIPAL
from services.ingest.tickets import EXPIRES_IN_MS
from shared.domain.entries import GapCause
from shared.domain.session import SessionState
from shared.domain.values import NUMBER_MAX, Holder, SessionId
from tests.unit.services.ingest.web import SESSION, SOMEBODY_ELSE, Web, gap, segment, take

ONE = f"/v1/sessions/{SESSION}"
ADDRESSES = (
    ("GET", ONE),
    ("DELETE", ONE),
    ("POST", f"{ONE}/tickets"),
    ("GET", f"{ONE}/log"),
    ("GET", f"{ONE}/export"),
    ("PUT", f"{ONE}/label"),
    ("POST", f"{ONE}/finish"),
)
LABEL = {"label": "Made Up"}


@pytest.fixture
def web() -> Web:
    return Web()


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of an error, whose shape is always the same."""
    told = answer.json()
    assert set(told) == {"error", "message"}
    assert isinstance(told["message"], str)
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, told["error"]


# --- what is common to all


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
async def test_another_persons_session_is_403_and_a_deleted_one_410(web: Web, method: str, path: str) -> None:
    await web.record(owner=SOMEBODY_ELSE)
    async with web.browser() as browser:
        assert refusal(await browser.request(method, path, json=LABEL)) == (403, "not_yours")
    web = Web()
    await web.record()
    await web.sessions.delete(LOCAL_PRINCIPAL, SESSION)
    async with web.browser() as browser:
        assert refusal(await browser.request(method, path, json=LABEL)) == (410, "deleted")


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
async def test_one_that_is_not_there_is_404_but_gets_a_ticket(web: Web, method: str, path: str) -> None:
    async with web.browser() as browser:
        answer = await browser.request(method, path, json=LABEL)
    if path.endswith("/tickets"):
        assert answer.status_code == 200
    else:
        assert refusal(answer) == (404, "not_found")


@pytest.mark.parametrize(("method", "path"), [*ADDRESSES, ("GET", "/v1/sessions")])
async def test_only_this_machine_is_signed_in(web: Web, method: str, path: str) -> None:
    await web.record()
    async with web.browser(peer="192.0.2.1") as browser:
        assert refusal(await browser.request(method, path, json=LABEL)) == (403, "forbidden")


@pytest.mark.parametrize(("method", "path"), [*ADDRESSES, ("GET", "/v1/sessions")])
async def test_a_store_that_is_away_is_503(web: Web, method: str, path: str) -> None:
    web.store.down = True
    async with web.browser() as browser:
        assert refusal(await browser.request(method, path, json=LABEL)) == (503, "unavailable")


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
@pytest.mark.parametrize(
    "given",
    [
        SESSION.upper().replace("1", "A"),
        SESSION[:-1],
        f"{SESSION}0",
        f"{SESSION}%0A",
        f"%20{SESSION}",
        SESSION.replace("-", ""),
        "x" * 10_000,
        "%00",
        "\u0661" * 8,
    ],
)
async def test_an_id_that_is_none_is_400_without_being_repeated(
    web: Web, method: str, path: str, given: str
) -> None:
    async with web.browser() as browser:
        answer = await browser.request(method, path.replace(SESSION, given), json=LABEL)
    assert refusal(answer) == (400, "refused")
    assert answer.json()["message"] == "a session's id is a lower-case UUID"


# --- tickets


async def test_a_ticket_is_for_this_session_and_whoever_asked(web: Web) -> None:
    async with web.browser() as browser:
        told = (await browser.post(f"{ONE}/tickets")).json()
    assert told["expires_in_ms"] == EXPIRES_IN_MS
    assert web.tickets.verify(told["token"], SESSION, web.clock.wall_ms()) == LOCAL_PRINCIPAL


# --- list


async def test_the_list_goes_on_before_the_last_creation_time_seen(web: Web) -> None:
    ids = [SessionId(f"{number:08d}-0000-4000-8000-000000000000") for number in range(SESSIONS_PER_PAGE + 1)]
    for session in ids:
        await web.record(session=session)
        web.clock.advance(1)
    async with web.browser() as browser:
        first = (await browser.get("/v1/sessions")).json()["sessions"]
        assert [each["id"] for each in first] == ids[:0:-1]
        rest = (await browser.get("/v1/sessions", params={"before": first[-1]["created_at_ms"]})).json()
        assert [each["id"] for each in rest["sessions"]] == ids[:1]
        few = (await browser.get("/v1/sessions", params={"limit": 2})).json()["sessions"]
    assert len(few) == 2


@pytest.mark.parametrize("name", ["limit", "before"])
@pytest.mark.parametrize(
    "given", ["", "-1", "1.0", "1e3", "x", "\u0663", " 1", "0x1", "9" * 5_000, str(NUMBER_MAX + 1), "1&{}=1"]
)
async def test_a_number_that_is_none_is_400(web: Web, name: str, given: str) -> None:
    async with web.browser() as browser:
        answer = await browser.get(f"/v1/sessions?{name}={given.format(name)}")
    assert refusal(answer) == (400, "refused")


@pytest.mark.parametrize("limit", [0, SESSIONS_PER_PAGE_MAX + 1, NUMBER_MAX])
async def test_a_page_has_a_size(web: Web, limit: int) -> None:
    async with web.browser() as browser:
        assert refusal(await browser.get(f"/v1/sessions?limit={limit}")) == (400, "refused")


# --- one


async def test_one_session_is_told_as_in_the_list(web: Web) -> None:
    await web.record(takes=[take(1, covered_s=60, captured_s=61.5)])
    async with web.browser() as browser:
        one = (await browser.get(ONE)).json()
        assert (await browser.get("/v1/sessions")).json() == {"sessions": [one]}
    assert one == {
        "id": SESSION,
        "label": "",
        "state": "finished",
        "created_at_ms": web.clock.wall_ms(),
        "covered_ms": 60_000,
        "undelivered_ms": 1_500,
        "takes": 1,
    }


async def test_delete_is_204_and_then_410(web: Web) -> None:
    await web.record()
    async with web.browser() as browser:
        answer = await browser.delete(ONE)
        assert (answer.status_code, answer.content) == (204, b"")
        assert refusal(await browser.delete(ONE)) == (410, "deleted")
        assert (await browser.get("/v1/sessions")).json() == {"sessions": []}


# --- log


async def test_the_log_is_what_the_wire_sends(web: Web) -> None:
    await web.record(
        [segment("no fever", 0, 1, utterance_end=True), gap(GapCause.SUSPENDED, 1, 1, wall_ms=9)]
    )
    await web.polish((0, 0, "No fever."))
    async with web.browser() as browser:
        told = (await browser.get(f"{ONE}/log")).json()
        rest = (await browser.get(f"{ONE}/log?entries=2&polished=1")).json()
    assert told["entries"] == [
        {
            "type": "entry",
            "index": 0,
            "take": 1,
            "start": 0,
            "until": 16_000,
            "text": "no fever",
            "confidence": 90,
            "utterance_end": True,
        },
        {
            "type": "entry",
            "index": 1,
            "take": 1,
            "start": 16_000,
            "until": 16_000,
            "cause": "suspended",
            "wall_ms": 9,
        },
    ]
    assert told["polished"] == [{"type": "polished", "index": 0, "first": 0, "last": 0, "text": "No fever."}]
    assert rest == {"log_id": told["log_id"], "entries": [], "polished": []}


# --- export


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("txt", "text/plain; charset=utf-8"),
        ("md", "text/markdown; charset=utf-8"),
        ("json", "application/json"),
    ],
)
async def test_an_export_is_a_file_named_by_the_id(web: Web, form: str, media_type: str) -> None:
    await web.record([segment("no fever", 0, 1)])
    await web.sessions.set_label(LOCAL_PRINCIPAL, SESSION, "Made Up")
    async with web.browser() as browser:
        answer = await browser.get(f"{ONE}/export?format={form}")
    assert answer.status_code == 200
    assert "no fever" in answer.text
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="steno-{SESSION}.{form}"'
    assert answer.headers["cache-control"] == "no-store"


async def test_an_export_is_plain_text_unless_asked_otherwise(web: Web) -> None:
    await web.record([segment("no fever", 0, 1)])
    async with web.browser() as browser:
        assert (await browser.get(f"{ONE}/export")).text == "no fever\n"


@pytest.mark.parametrize("query", ["format=pdf", "format=", "format=TXT", "format=txt&format=md"])
async def test_a_format_that_is_none_is_400(web: Web, query: str) -> None:
    await web.record()
    async with web.browser() as browser:
        answer = await browser.get(f"{ONE}/export?{query}")
    assert refusal(answer) == (400, "refused")
    assert answer.json()["message"] == "format is one of txt, json, md"


# --- label


async def test_a_label_is_put_and_listed(web: Web) -> None:
    await web.record()
    async with web.browser() as browser:
        for label in ("Made Up", "Ünïcödé 李 \U0001f469\u200d\u2695\ufe0f", "x" * LABEL_CHARACTERS_MAX, ""):
            answer = await browser.put(f"{ONE}/label", json={"label": label})
            assert (answer.status_code, answer.content) == (204, b"")
            assert (await browser.get(ONE)).json()["label"] == label


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Up\tMade", "Up Made"),
        ("Up\r\nMade\n", "Up Made"),
        ("\tUp\t\tMade ", "Up Made"),
        ("Up\u2028Made\x0b", "Up Made"),
        ("Up  Made", "Up  Made"),
        ("\n" * 1_000 + "x" * LABEL_CHARACTERS_MAX, "x" * LABEL_CHARACTERS_MAX),
        ("\t", ""),
    ],
)
async def test_a_label_pasted_from_a_table_becomes_one_line(web: Web, given: str, kept: str) -> None:
    await web.record()
    async with web.browser() as browser:
        assert (await browser.put(f"{ONE}/label", json={"label": given})).status_code == 204
        assert (await browser.get(ONE)).json()["label"] == kept


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("Made\x1b[31m Up", "the label has a character that cannot be seen; type the label instead"),
        ("Made\0Up", "the label has a character that cannot be seen"),
        ("Made Up\x9b", "the label has a character that cannot be seen"),
        ("x" * (LABEL_CHARACTERS_MAX + 1), "the label is too long; it may have 200 characters"),
    ],
)
async def test_a_label_that_cannot_be_kept_is_400_with_a_sentence_for_who_typed_it(
    web: Web, label: str, said: str
) -> None:
    await web.record()
    async with web.browser() as browser:
        answer = await browser.put(f"{ONE}/label", json={"label": label})
        assert refusal(answer) == (400, "refused")
        assert answer.json()["message"].startswith(said)
        assert (await browser.get(ONE)).json()["label"] == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Made Up",
        b"{}",
        b"[]",
        b'{"label": 7}',
        b'{"label": null}',
        b'{"label": "\xff"}',
        b'{"label": "\\ud800"}',
        b'{"label": ' + b"[" * 30_000,
    ],
)
async def test_a_body_that_is_no_label_is_400_without_being_repeated(web: Web, body: bytes) -> None:
    await web.record()
    async with web.browser() as browser:
        answer = await browser.put(f"{ONE}/label", content=body)
        assert refusal(answer) == (400, "refused")
        assert answer.json()["message"].startswith("the body is JSON")
        assert (await browser.get(ONE)).json()["label"] == ""


# --- finish


async def test_finish_is_202_and_409_while_a_recorder_holds_the_session(web: Web) -> None:
    await web.record(
        change=lambda document: replace(
            document, state=SessionState.RECORDING, holder=Holder("a recorder"), finished_at_ms=None
        )
    )
    async with web.browser() as browser:
        assert refusal(await browser.post(f"{ONE}/finish")) == (409, "taken")
        web.clock.advance(90_000)
        answer = await browser.post(f"{ONE}/finish")
    assert (answer.status_code, answer.json()["state"]) == (202, "finished")
