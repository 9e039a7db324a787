"""Wake-ups that Pub/Sub pushes as requests: who may send them, whom they wake, and what Pub/Sub is told about them.

    receiver = Receiver(Subscriber.POLISH, handle, letters, clock, caller)
    status = await receiver.receive(headers.get("authorization"), request.stream())

204 acknowledges: handled, for somebody else, or given up for ever and put among the dead letters. Anything else has
Pub/Sub send it again. What a message carries beside two attributes is for other subscribers; ours read the store.
"""

import asyncio
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from shared.domain.events import SESSION, is_meant_for
from shared.domain.values import SessionId
from shared.errors import DictationError, NotYours, Refuse, Resync, Retry, SetupError, SignInNeeded
from shared.observe import get_logger
from shared.ports import Clock, DeadLetter, DeadLetterBox, Subscriber
from shared.subscriber import HANDLE_MS_MAX, Handle
from shared.wire.messages import Uuid

ACKNOWLEDGED: Final = 204
TRY_AGAIN: Final = 503

ACK_DEADLINE_S: Final = 90
"""For the subscriptions: longer than a session may be handled, or Pub/Sub would send it a second time meanwhile."""
assert HANDLE_MS_MAX < ACK_DEADLINE_S * 1_000

DELIVERIES_MAX: Final = 10
"""For the subscriptions too: what failed so often is moved to the dead letters by Pub/Sub itself."""

BODY_BYTES_MAX: Final = 2 << 20
"""A wake-up with the sealed copies of a whole commit is a tenth of it."""

VERIFY_S_MAX: Final = 5.0
ISSUERS: Final = ("accounts.google.com", "https://accounts.google.com")
BEARER: Final = "bearer "

NO_SESSION: Final = SessionId("-")
"""The session of a dead letter that names none."""

Claims = Mapping[str, object]
Verify = Callable[[str, str], Claims]
"""What a token says, which Google signed for this audience and which has not expired. Blocks.

Raises SignInNeeded if it did not, or has; Retry when that cannot be found out.
"""

log = get_logger("push")


class Malformed(Refuse):
    """A message that we did not publish, or a later version of us did."""


@dataclass(frozen=True, slots=True)
class Push:
    attributes: Mapping[str, str]
    attempts: int
    """1 where Pub/Sub does not count."""

    @property
    def session(self) -> SessionId:
        """Raises Malformed if it names none."""
        try:
            return SessionId(msgspec.convert(self.attributes.get(SESSION), Uuid))
        except msgspec.ValidationError:
            raise Malformed("the message of a push names no session of ours") from None


class _Message(msgspec.Struct):
    attributes: dict[str, str] = {}


class _Body(msgspec.Struct, rename="camel"):
    message: _Message
    delivery_attempt: Annotated[int, msgspec.Meta(ge=1)] = 1


_decoder: Final = msgspec.json.Decoder(_Body)


def parse_push(body: bytes) -> Push:
    """Raises Malformed, whose sentence repeats nothing of the message."""
    try:
        decoded = _decoder.decode(body)
    except msgspec.DecodeError:
        raise Malformed("the request is not a push of Pub/Sub's") from None
    return Push(decoded.message.attributes, decoded.delivery_attempt)


class Caller:
    """The one service account whose requests are served; everybody else's are refused, and so is what is unclear."""

    def __init__(self, verify: Verify, audience: str, service_account: str) -> None:
        assert audience
        assert service_account
        self._verify = verify
        self._audience = audience
        self._service_account = service_account

    async def check(self, authorization: str | None) -> None:
        """Raises SignInNeeded, NotYours, or Retry when it cannot be found out."""
        header = authorization or ""
        if not header.lower().startswith(BEARER):
            raise SignInNeeded("the request carries no token")
        token = header[len(BEARER) :].strip()
        try:
            async with asyncio.timeout(VERIFY_S_MAX):
                # It may have to fetch Google's keys first.
                claims = await asyncio.to_thread(self._verify, token, self._audience)
        except TimeoutError:
            raise Retry("Google's keys, which tokens are checked with, do not come") from None
        if claims.get("iss") not in ISSUERS or claims.get("aud") != self._audience:
            raise SignInNeeded("the token is not Google's, or made out to somebody else")
        if claims.get("email") != self._service_account or claims.get("email_verified") is not True:
            raise NotYours("the token is of another service account than the one that may send this")


class Receiver:
    """The push requests of one subscriber. `caller` is None only where nobody else can reach us: on the emulators."""

    def __init__(
        self,
        subscriber: Subscriber,
        handle: Handle,
        letters: DeadLetterBox,
        clock: Clock,
        caller: Caller | None,
    ) -> None:
        self._subscriber = subscriber
        self._handle = handle
        self._letters = letters
        self._clock = clock
        self._caller = caller

    async def receive(self, authorization: str | None, body: AsyncIterable[bytes]) -> int:
        """The status to answer with."""
        try:
            if self._caller is not None:
                await self._caller.check(authorization)
        except DictationError as error:
            log.warning("a push was refused", exc_info=error)
            return error.http_status
        try:
            push = parse_push(await read_body(body))
            if not is_meant_for(push.attributes, self._subscriber.value):
                return ACKNOWLEDGED
            session = push.session
        except Malformed as error:
            return await self._give_up(NO_SESSION, 1, error)
        return await self._serve(session, push.attempts)

    async def _serve(self, session: SessionId, attempts: int) -> int:
        try:
            async with asyncio.timeout(HANDLE_MS_MAX / 1_000):
                await self._handle(session)
        # A machine that is set up wrong is put right by a person, and then the same call works.
        except (Retry, Resync, SetupError, TimeoutError) as error:
            log.warning(
                "a session could not be handled; it comes again",
                session=session,
                attempts=attempts,
                exc_info=error,
            )
            return TRY_AGAIN
        except DictationError as error:
            return await self._give_up(session, attempts, error)
        return ACKNOWLEDGED

    async def _give_up(self, session: SessionId, attempts: int, error: DictationError) -> int:
        """Sent again it would fail again; a person finds it among the dead letters."""
        log.warning("a push is given up", session=session, attempts=attempts, exc_info=error)
        now_ms = self._clock.wall_ms()
        try:
            await self._letters.bury(
                DeadLetter(session, self._subscriber, attempts, type(error).__name__, now_ms)
            )
        except Retry as failure:
            log.warning("a dead letter could not be kept; the push comes again", exc_info=failure)
            return TRY_AGAIN
        return ACKNOWLEDGED


async def read_body(body: AsyncIterable[bytes]) -> bytes:
    """Raises Malformed once it is longer than anything of ours."""
    read = bytearray()
    async for chunk in body:
        read += chunk
        if len(read) > BODY_BYTES_MAX:
            raise Malformed("the request is longer than any of ours")
    return bytes(read)
