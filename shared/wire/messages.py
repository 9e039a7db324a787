"""Control messages of `steno.v1`: JSON text, one struct each, both directions. `docs/protocol.md` explains them.

Numbers are JSON integers 0 .. 2^53-1; unknown fields are ignored; unknown types, and anything malformed, are refused.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from shared.domain.entries import GapCause
from shared.domain.values import NUMBER_MAX
from shared.errors import Refuse, TooMany

PROTOCOL: Final = "steno.v1"
VERSION: Final = 1
MESSAGE_BYTES_MAX: Final = 65_536

Number = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]
Uuid = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")]


class _Unspoken(Struct, frozen=True):
    """Its `repr` shows numbers only, so that no trace or log can show words, labels or tickets."""

    def __repr__(self) -> str:
        numbers = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = ", ".join(f"{name}={value}" for name, value in numbers if isinstance(value, int))
        return f"{type(self).__name__}({shown})"


class Message(_Unspoken, frozen=True, omit_defaults=False, tag_field="type"):
    """The base of every message: exists to carry the options above to each."""


# --- client to server


class Cursors(Struct, frozen=True):
    """The next indexes wanted."""

    entries: Number = 0
    polished: Number = 0


class Config(_Unspoken, frozen=True, omit_defaults=True):
    """What the recorder asks of a new session. Bounds keep `config` far below the store's limit of a document."""

    language: Annotated[str, Meta(max_length=35)] = "en"
    vocabulary: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=500)] = []
    macros: Annotated[
        dict[Annotated[str, Meta(max_length=100)], Annotated[str, Meta(max_length=2_000)]],
        Meta(max_length=100),
    ] = {}
    style: Annotated[str, Meta(max_length=2_000)] = ""


class Hello(Message, frozen=True, tag="hello"):
    version: Number
    session: Uuid
    ticket: Annotated[str, Meta(max_length=4_096)]
    take_id: Uuid
    dial: Number
    takeover: bool
    captured_until: Number
    gap_no: Number
    recording: bool
    log_id: str | None = None
    cursors: Cursors = Cursors()
    config: Config | None = None


RecorderCause = Literal["tape_overflow", "device_lost", "suspended", "lost_after_ack"]
"""The causes of gaps that a recorder may send."""


class GapSent(Message, frozen=True, tag="gap"):
    gap_no: Number
    cause: RecorderCause
    start: Number
    until: Number
    wall_ms: Number


class Pause(Message, frozen=True, tag="pause"):
    at: Number


class Finish(Message, frozen=True, tag="finish"):
    until: Number


class Pong(Message, frozen=True, tag="pong"):
    echo: Number
    captured_until: Number
    queued: Number


ClientMessage = Hello | GapSent | Pause | Finish | Pong


# --- server to client


class Limits(Struct, frozen=True):
    frame_bytes: Number
    message_bytes: Number
    takes: Number


class Welcome(Message, frozen=True, tag="welcome"):
    take: Number
    send_from: Number
    send_until: Number
    gaps_through: Number
    limits: Limits
    heartbeat_ms: Number
    log_id: str


class Ticket(Message, frozen=True, tag="ticket"):
    token: str
    expires_in_ms: Number


class EntrySent(Message, frozen=True, tag="entry", omit_defaults=True):
    """A segment, or a gap: a gap is what has a `cause`."""

    index: Number
    take: Number
    start: Number
    until: Number
    text: str | UnsetType = UNSET
    confidence: Number | UnsetType = UNSET
    utterance_end: bool | UnsetType = UNSET
    cause: GapCause | UnsetType = UNSET
    wall_ms: Number | UnsetType = UNSET


class PolishedSent(Message, frozen=True, tag="polished", omit_defaults=True):
    index: Number
    first: Number
    last: Number
    text: str
    flags: list[str] = []


class HintSent(Message, frozen=True, tag="hint"):
    take: Number
    start: Number
    until: Number
    text: str


class Ack(Message, frozen=True, tag="ack"):
    received: Number
    covered: Number
    send_until: Number
    gaps_through: Number


class Draft(Message, frozen=True, tag="draft", omit_defaults=True):
    state: Literal["saved", "pending", "failed"]
    through: Number
    saved_at_ms: Number | UnsetType = UNSET


class Notice(Message, frozen=True, tag="notice"):
    kind: Literal["degraded", "failing_over", "catching_up", "moving", "storage"]
    text: str
    safe: bool


class Ping(Message, frozen=True, tag="ping"):
    echo: Number


class Finished(Message, frozen=True, tag="finished"):
    covered: Number


class Bye(Message, frozen=True, tag="bye", omit_defaults=True):
    code: Number
    reason: str
    retry: bool
    retry_after_ms: Number | UnsetType = UNSET
    dial: Number | UnsetType = UNSET
    take: Number | UnsetType = UNSET
    since_ms: Number | UnsetType = UNSET


ServerMessage = (
    Welcome | Ticket | EntrySent | PolishedSent | HintSent | Ack | Draft | Notice | Ping | Finished | Bye
)


class _Envelope(Struct, frozen=True):
    """Read before the rest, so that a peer of another version is told so, whatever else it wrote."""

    type: str | UnsetType = UNSET
    version: msgspec.Raw = msgspec.Raw(b"")


_envelope = msgspec.json.Decoder(_Envelope)
_client: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_server: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)
_encoder = msgspec.json.Encoder()


class WrongVersion(Refuse):
    """The peer speaks another version of the protocol."""

    close_code = 4406


def encode_message(message: ClientMessage | ServerMessage) -> str:
    return _encoder.encode(message).decode()


def decode_client_message(text: str) -> ClientMessage:
    """Raises TooMany (4413), Refuse (4400) or WrongVersion (4406), in the order of precedence of the protocol.

    The sentences name fields and types, never values: a value may be a ticket or a vocabulary.
    """
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MESSAGE_BYTES_MAX:
        raise TooMany(f"a message may have {MESSAGE_BYTES_MAX} bytes, this one has {len(raw)}")
    try:
        envelope = _envelope.decode(raw)
    except msgspec.ValidationError:
        raise Refuse("a message is a JSON object with a type") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refuse("the message is not JSON") from None
    if envelope.type == "hello" and _is_other_version(bytes(envelope.version)):
        raise WrongVersion(f"this server speaks version {VERSION} of the protocol")
    try:
        return _client.decode(raw)
    except msgspec.ValidationError as error:
        raise Refuse(f"the message is malformed: {_without_values(error)}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refuse("the message is not JSON") from None


def decode_server_message(text: str) -> ServerMessage | None:
    """A server's message, or None for one of a type this client does not know; raises Refuse for a malformed one."""
    try:
        return _server.decode(text)
    except msgspec.ValidationError as error:
        if str(error).endswith(" - at `$.type`"):
            return None
        raise Refuse(f"the server's message is malformed: {_without_values(error)}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refuse("the server's message is not JSON") from None


def _is_other_version(raw: bytes) -> bool:
    """Whether it is a version at all, and not ours; what is no number is malformed instead.

    Compared as written: it may have more digits than Python agrees to read.
    """
    return raw.isdigit() and raw != str(VERSION).encode()


def _without_values(error: msgspec.ValidationError) -> str:
    """msgspec quotes a wrong tag or enum value back; everything else it says names types and paths only."""
    sentence = str(error)
    if not sentence.startswith("Invalid "):
        return sentence
    path = sentence.rpartition(" - at ")[2]
    return f"value not known - at {path}"
