"""What becomes of a push: served, refused, given up or asked for again, and never more said than its kind."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from shared.domain.values import SessionId
from shared.errors import Broken, Refuse, Resync, Retry, SetupError, SignInNeeded, StoreUnavailable
from shared.ports import DeadLetter, Subscriber
from shared.push import (
    BODY_BYTES_MAX,
    NO_SESSION,
    Caller,
    Claims,
    Malformed,
    Receiver,
    Verify,
    parse_push,
)
from tests.doubles.clock import ManualClock
from tests.doubles.letters import MemoryLetters

SESSION = SessionId("00000000-0000-4000-8000-000000000001")
AUDIENCE, ACCOUNT = "https://steno.test", "push@clinic.test"
GOOD: Claims = {
    "iss": "https://accounts.google.com",
    "aud": AUDIENCE,
    "email": ACCOUNT,
    "email_verified": True,
}


def message(attempts: int | None = None, **attributes: str) -> bytes:
    """As Pub/Sub pushes it."""
    inner = {
        "data": "aGVsbG8=",
        "messageId": "1",
        "publishTime": "2026-01-01T00:00:00Z",
        "attributes": attributes,
    }
    counted = {} if attempts is None else {"deliveryAttempt": attempts}
    return json.dumps({"subscription": "projects/p/subscriptions/s", "message": inner, **counted}).encode()


async def arriving(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class Service:
    """A receiver of polish, and what it did."""

    def __init__(self, error: Exception | None = None, caller: Caller | None = None) -> None:
        self.handled: list[SessionId] = []
        self.letters = MemoryLetters()
        self.clock = ManualClock()
        self._error = error
        self._receiver = Receiver(Subscriber.POLISH, self.handle, self.letters, self.clock, caller)

    async def handle(self, session: SessionId) -> None:
        self.handled.append(session)
        if self._error is not None:
            raise self._error

    async def push(self, *body: bytes, authorization: str | None = None) -> int:
        return await self._receiver.receive(authorization, arriving(*body))

    @property
    def errors(self) -> list[tuple[SessionId, int, str]]:
        return [(letter.session, letter.attempts, letter.error) for letter in self.letters.buried]


async def test_a_wakeup_is_handled_and_acknowledged_however_it_is_cut() -> None:
    service = Service()
    body = message(session=SESSION, log_id="l", next_index="3")
    assert await service.push(body[:7], body[7:]) == 204
    assert service.handled == [SESSION]
    assert service.letters.buried == []


@pytest.mark.parametrize(
    ("subscriber", "handled"), [("polish", [SESSION]), ("autosave", []), ("a later one", [])]
)
async def test_what_is_for_somebody_else_is_acknowledged_and_left(
    subscriber: str, handled: list[SessionId]
) -> None:
    service = Service()
    assert await service.push(message(session=SESSION, subscriber=subscriber)) == 204
    assert (service.handled, service.letters.buried) == (handled, [])


@pytest.mark.parametrize(
    "error",
    [Retry("later"), StoreUnavailable("later"), Resync("again"), SetupError("put it right"), TimeoutError()],
)
async def test_what_may_work_later_comes_again(error: Exception) -> None:
    service = Service(error)
    assert await service.push(message(session=SESSION)) == 503
    assert service.letters.buried == []


@pytest.mark.parametrize("error", [Broken("ours"), Refuse("theirs")])
async def test_what_never_works_is_given_up_and_kept_with_its_kind_only(error: Exception) -> None:
    service = Service(error)
    assert await service.push(message(4, session=SESSION)) == 204
    assert service.letters.buried == [
        DeadLetter(SESSION, Subscriber.POLISH, 4, type(error).__name__, service.clock.wall_ms())
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        json.dumps({"message": None}).encode(),
        json.dumps({"message": {"attributes": {"session": 7}}}).encode(),
        message(),
        message(session="../etc"),
        message(session=SESSION.upper().replace("0", "A")),
        message(0, session=SESSION),
        b" " * (BODY_BYTES_MAX + 1),
    ],
)
async def test_poison_is_given_up_without_being_handled(body: bytes) -> None:
    service = Service()
    assert await service.push(body) == 204
    assert service.handled == []
    assert service.errors == [(NO_SESSION, 1, "Malformed")]


async def test_a_body_is_not_read_beyond_what_it_may_be() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 65_536

    service = Service()
    receiver = Receiver(Subscriber.POLISH, service.handle, service.letters, service.clock, None)
    assert await receiver.receive(None, endless()) == 204
    assert read == BODY_BYTES_MAX // 65_536 + 1


async def test_what_cannot_be_kept_among_the_dead_comes_again() -> None:
    service = Service(Broken("ours"))
    service.letters.fails = True
    assert await service.push(message(session=SESSION)) == 503


def test_a_message_may_have_no_attributes_at_all() -> None:
    push = parse_push(b'{"message":{"data":""}}')
    with pytest.raises(Malformed, match="names no session"):
        assert push.session


# --- who may push


def verifying(claims: Claims | Exception) -> Verify:
    def verify(token: str, audience: str) -> Claims:
        assert (token, audience) == ("t0k3n", AUDIENCE)
        if isinstance(claims, Exception):
            raise claims
        return claims

    return verify


async def answer(claims: Claims | Exception, authorization: str | None = "Bearer t0k3n") -> int:
    service = Service(caller=Caller(verifying(claims), AUDIENCE, ACCOUNT))
    status = await service.push(message(session=SESSION), authorization=authorization)
    assert bool(service.handled) == (status == 204)
    assert service.letters.buried == []
    return status


@pytest.mark.parametrize("authorization", ["Bearer t0k3n", "bearer t0k3n"])
async def test_the_account_that_pushes_is_served(authorization: str) -> None:
    assert await answer(GOOD, authorization) == 204


@pytest.mark.parametrize("authorization", [None, "", "Basic t0k3n", "Bearer", "t0k3n"])
async def test_without_a_token_nothing_is_served(authorization: str | None) -> None:
    assert await answer(GOOD, authorization) == 401


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"iss": "https://evil.test"}, 401),
        ({"iss": None}, 401),
        ({"aud": "https://other.test"}, 401),
        ({"aud": [AUDIENCE]}, 401),
        ({"email": "somebody@clinic.test"}, 403),
        ({"email": None}, 403),
        ({"email_verified": False}, 403),
        ({"email_verified": "true"}, 403),
    ],
)
async def test_a_claim_that_is_not_exactly_right_is_refused(change: dict[str, object], status: int) -> None:
    assert await answer({**GOOD, **change}) == status


@pytest.mark.parametrize("missing", list(GOOD))
async def test_a_claim_that_is_missing_is_refused(missing: str) -> None:
    claims = {name: value for name, value in GOOD.items() if name != missing}
    assert await answer(claims) in (401, 403)


async def test_a_bad_token_is_refused_and_one_that_cannot_be_checked_comes_again() -> None:
    assert await answer(SignInNeeded("expired")) == 401
    assert await answer(Retry("no keys")) == 503


async def test_checking_a_token_holds_up_nobody_else() -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def verify(token: str, audience: str) -> Claims:
        # Would wait for ever, were it on the loop that is to let it go.
        asyncio.run_coroutine_threadsafe(told.wait(), loop).result(10)
        return GOOD

    service = Service(caller=Caller(verify, AUDIENCE, ACCOUNT))
    pushing = asyncio.create_task(service.push(message(session=SESSION), authorization="Bearer t"))
    loop.call_soon(told.set)
    assert await pushing == 204
