"""What a recorder has still to deliver, and what it may send next. Pure; the twin of `recorder/delivery.js`.

Positions only: the audio itself is on the tape. Everything captured is sent in sample order, gaps and pauses at their
places among the audio, audio within the server's credit.
"""

from dataclasses import dataclass, replace
from typing import Final

from shared.domain.values import samples
from shared.wire.messages import Ack, GapSent, Pause, RecorderCause, Welcome

FRAME_SAMPLES_MAX: Final = samples(1)
"""A recorder sends as it captures, 100 ms at a time; only what waited goes in larger pieces."""

IN_FLIGHT_MAX: Final = samples(2)
"""Audio given to the socket that it has not passed on. More would keep our pongs waiting behind it on a slow network,
and the server would take us for dead."""

GAPS_MAX: Final = 1_000
"""Gaps kept; one more joins the last, which adds up their time and keeps the earlier place."""

GAPS_AHEAD_MAX: Final = 256
"""Gaps sent and not yet stored, well below what a server admits."""

PAUSES_MAX: Final = 1_000
"""Pauses kept; one more is not, and the engine finalises there at its own pace."""


@dataclass(frozen=True, slots=True)
class SendAudio:
    """Effect: send the tape's samples `[start, until)` as one frame."""

    start: int
    until: int


@dataclass(frozen=True, slots=True)
class GapKept:
    cause: RecorderCause
    start: int
    until: int
    wall_ms: int


Sending = SendAudio | GapSent | Pause


@dataclass(frozen=True, slots=True)
class Delivery:
    captured_until: int = 0
    kept_from: int = 0
    """The first sample still on the tape."""
    covered: int = 0
    gaps_through: int = 0
    gaps: tuple[GapKept, ...] = ()
    """Not stored yet, in sample order: the first has the number `gaps_through` + 1, once it has one."""
    gaps_numbered: int = 0
    pauses: tuple[int, ...] = ()
    """Positions beyond covered."""

    sent_until: int = 0
    """This and what follows are of the present connection."""
    send_until: int = 0
    in_flight: int = 0
    gaps_sent: int = 0
    pauses_sent: int = 0

    @property
    def gap_no(self) -> int:
        """The highest number given, plus one if a gap without a number waits."""
        return self.gaps_through + self.gaps_numbered + (len(self.gaps) > self.gaps_numbered)

    @property
    def undelivered(self) -> int:
        """Samples captured and not covered."""
        return max(0, self.captured_until - self.covered)

    @property
    def is_delivered(self) -> bool:
        return not self.undelivered and not self.gaps

    @property
    def is_sent(self) -> bool:
        """Whether everything there is was sent on this connection."""
        all_marks = self.gaps_sent == len(self.gaps) and self.pauses_sent == len(self.pauses)
        return all_marks and self.sent_until >= self.captured_until

    # --- what the recorder does

    def captured(self, until: int) -> "Delivery":
        assert until >= self.captured_until
        # A take that an earlier run began is captured again from its start: what is covered needs no room.
        kept_from = max(self.kept_from, min(self.covered, until))
        return replace(self, captured_until=until, kept_from=kept_from)

    def missed(self, cause: RecorderCause, wall_ms: int) -> "Delivery":
        """Nothing was captured for `wall_ms`, here."""
        at = self.captured_until
        last = self.gaps[-1] if len(self.gaps) > self.gaps_numbered else None
        if last and (len(self.gaps) >= GAPS_MAX or (last.cause, last.until) == (cause, at)):
            joined = replace(last, wall_ms=last.wall_ms + wall_ms)
            return replace(self, gaps=(*self.gaps[:-1], joined))
        return replace(self, gaps=(*self.gaps, GapKept(cause, at, at, wall_ms)))

    def paused(self) -> "Delivery":
        at = self.captured_until
        if at <= self.covered or at in self.pauses[-1:] or len(self.pauses) >= PAUSES_MAX:
            return self
        return replace(self, pauses=(*self.pauses, at))

    # --- what the server says

    def welcomed(self, welcome: Welcome) -> "Delivery":
        """Everything beyond what is stored is sent anew, and gaps are numbered from there, in sample order."""
        covered = welcome.send_from
        stored = min(self.gaps_numbered, max(0, welcome.gaps_through - self.gaps_through))
        gaps = self.gaps[stored:]
        if covered < self.kept_from:
            # The store was put back to an older state: what it had acknowledged since is on no tape any more.
            hole = GapKept("lost_after_ack", covered, self.kept_from, 0)
            gaps = tuple(sorted((hole, *gaps), key=lambda gap: gap.start))
        return replace(
            self,
            covered=covered,
            kept_from=max(self.kept_from, min(covered, self.captured_until)),
            gaps_through=welcome.gaps_through,
            gaps=gaps,
            gaps_numbered=self.gaps_numbered - stored,
            pauses=tuple(at for at in self.pauses if at > covered),
            sent_until=covered,
            send_until=welcome.send_until,
            in_flight=0,
            gaps_sent=0,
            pauses_sent=0,
        )

    def acked(self, ack: Ack) -> "Delivery":
        stored = ack.gaps_through - self.gaps_through
        passed = sum(at <= ack.covered for at in self.pauses)
        return replace(
            self,
            covered=ack.covered,
            kept_from=max(self.kept_from, min(ack.covered, self.captured_until)),
            gaps_through=ack.gaps_through,
            gaps=self.gaps[stored:],
            gaps_numbered=self.gaps_numbered - stored,
            gaps_sent=self.gaps_sent - stored,
            pauses=self.pauses[passed:],
            pauses_sent=max(0, self.pauses_sent - passed),
            send_until=max(self.send_until, ack.send_until),
        )

    def agrees(self, ack: Ack) -> bool:
        """Whether an acknowledgement can be of what was sent; a server that says otherwise is dialled anew."""
        stored = ack.gaps_through - self.gaps_through
        return self.covered <= ack.covered <= self.sent_until and 0 <= stored <= self.gaps_sent

    def flushed(self) -> "Delivery":
        """The socket has passed on all it was given."""
        return replace(self, in_flight=0)

    # --- what goes out

    def next_sends(self) -> tuple["Delivery", list[Sending]]:
        """All that may be sent now, in order, and the delivery once it was."""
        delivery = self
        sends: list[Sending] = []
        while following := _next(delivery):
            delivery, sending = following
            sends.append(sending)
        return delivery, sends


def _next(delivery: Delivery) -> tuple[Delivery, Sending] | None:
    gap = delivery.gaps[delivery.gaps_sent] if delivery.gaps_sent < len(delivery.gaps) else None
    pause = delivery.pauses[delivery.pauses_sent] if delivery.pauses_sent < len(delivery.pauses) else None
    limit = delivery.captured_until
    if gap is not None:
        limit = min(limit, gap.start)
    if pause is not None:
        limit = min(limit, pause)
    if delivery.sent_until < limit:
        return _audio(delivery, limit)
    if gap is not None and (pause is None or gap.start <= pause):
        return _gap(delivery, gap) if delivery.gaps_sent < GAPS_AHEAD_MAX else None
    if pause is not None:
        return replace(delivery, pauses_sent=delivery.pauses_sent + 1), Pause(pause)
    return None


def _audio(delivery: Delivery, limit: int) -> tuple[Delivery, Sending] | None:
    start = delivery.sent_until
    room = IN_FLIGHT_MAX - delivery.in_flight
    until = min(limit, delivery.send_until, start + FRAME_SAMPLES_MAX, start + room)
    if until <= start:
        return None
    sent = replace(delivery, sent_until=until, in_flight=delivery.in_flight + until - start)
    return sent, SendAudio(start, until)


def _gap(delivery: Delivery, gap: GapKept) -> tuple[Delivery, Sending]:
    """Needs no credit, or a recorder whose credit is used up could never say what it missed."""
    number = delivery.gaps_sent + 1
    sent = replace(
        delivery,
        sent_until=max(delivery.sent_until, gap.until),
        gaps_sent=number,
        gaps_numbered=max(delivery.gaps_numbered, number),
    )
    return sent, GapSent(delivery.gaps_through + number, gap.cause, gap.start, gap.until, gap.wall_ms)
