"""Who is let in, in the order in which the reasons against it are judged, and what races and lost replies become."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import pytest

from services.ingest.admission import BUSY_RETRY_MS, DAY_MS, Admitted, Gate, admit
from services.ingest.tickets import EXPIRES_IN_MS, KEY_BYTES, TicketKey, Tickets
from shared.domain.session import STALE_AFTER_MS, SessionDocument, SessionState
from shared.domain.takes import TAKES_MAX, Take
from shared.domain.values import Holder, Principal, SessionId, TakeId
from shared.errors import (
    Busy,
    DialTooOld,
    DictationError,
    NotYours,
    SessionDeleted,
    SignInNeeded,
    StoreUnavailable,
    TakenElsewhere,
    TooMany,
)
from shared.ports import KeyEncryption, Stored
from shared.sealing import Kind
from shared.wire.messages import Config, Cursors, Hello
from tests.doubles.clock import ManualClock
from tests.doubles.faulty_store import REFUSED, REPLY_LOST, FaultyStore
from tests.doubles.memory import MemoryStore
from tests.unit.services.ingest.web import OTHER_SESSION, SESSION, SOMEBODY_ELSE, new_kek

ME = Principal("me")
TAKE_ID = "aaaaaaaa-0000-4000-8000-000000000001"
OTHER_TAKE_ID = "aaaaaaaa-0000-4000-8000-000000000002"
KEK = new_kek()
TICKETS = Tickets([TicketKey(bytes(KEY_BYTES))])


@dataclass
class Door:
    """A gate over a store in memory."""

    memory: MemoryStore = field(default_factory=MemoryStore)
    clock: ManualClock = field(default_factory=ManualClock)
    kek: KeyEncryption = KEK
    retention_days: int | None = None

    def __post_init__(self) -> None:
        self.store = FaultyStore(self.memory, self.clock)
        numbers = count()
        self.gate = Gate(
            self.store,
            self.clock,
            self.kek,
            TICKETS,
            lambda: f"drawn by {id(self)}, {next(numbers)}",
            self.retention_days,
        )

    def hello(self, *, owner: Principal = ME, session: SessionId = SESSION, dial: int = 1) -> Hello:
        ticket = TICKETS.issue(session, owner, self.clock.wall_ms())
        return Hello(1, session, ticket, TAKE_ID, dial, False, 0, 0, recording=True)

    async def admit(self, hello: Hello, *, has_room: bool = True) -> Admitted:
        return await admit(self.gate, hello, has_room)

    async def stored(self) -> Stored:
        stored = await self.memory.load(SESSION)
        assert stored is not None
        return stored

    async def change(self, change: Callable[[SessionDocument], SessionDocument]) -> None:
        stored = await self.stored()
        await self.memory.write(stored, change(stored.document))


@pytest.fixture
def door() -> Door:
    return Door()


def changed(hello: Hello, **changes: object) -> Hello:
    return Hello(**{**{name: getattr(hello, name) for name in hello.__struct_fields__}, **changes})


# --- a session begins, and goes on


async def test_the_first_hello_makes_the_session(door: Door) -> None:
    hello = changed(door.hello(), config=Config("de", ["Tachykardie"], {"np": "nothing particular"}, "terse"))
    admitted = await door.admit(hello)
    assert admitted.writer is not None
    assert admitted.take == 1
    assert (admitted.config.language, admitted.config.vocabulary) == ("de", ("Tachykardie",))
    assert admitted.config.macros == (("np", "nothing particular"),)
    document = (await door.stored()).document
    assert document == admitted.document
    assert (document.owner, document.state) == (ME, SessionState.RECORDING)
    assert document.purge_at_ms is None
    assert b"Tachykardie" not in document.config


async def test_it_is_kept_for_as_long_as_was_configured() -> None:
    door = Door(retention_days=3)
    await door.admit(door.hello())
    assert (await door.stored()).document.purge_at_ms == door.clock.wall_ms() + 3 * DAY_MS


async def test_later_hellos_find_its_key_and_config_and_bring_none(door: Door) -> None:
    first = await door.admit(changed(door.hello(), config=Config(language="de")))
    second = await door.admit(changed(door.hello(dial=2), config=Config(language="fr")))
    assert second.config.language == "de"
    assert second.key.open(Kind.LABEL, 0, first.key.seal(Kind.LABEL, 0, b"x")) == b"x"
    assert first.document.holder != second.document.holder


async def test_another_take_takes_over_a_free_session(door: Door) -> None:
    await door.admit(door.hello())
    await door.change(lambda document: document.let_go(door.clock.wall_ms()))
    admitted = await door.admit(changed(door.hello(), take_id=OTHER_TAKE_ID))
    assert admitted.take == 2


async def test_a_finished_session_is_read_without_a_lease(door: Door) -> None:
    await door.admit(door.hello())
    await door.change(lambda document: replace(document, state=SessionState.FINISHED, holder=Holder("")))
    before = await door.stored()
    admitted = await door.admit(changed(door.hello(dial=2), recording=False))
    assert admitted.writer is None
    assert await door.stored() == before


# --- cursors


@pytest.mark.parametrize(
    ("log_id", "cursors", "start"),
    [
        (None, Cursors(2, 0), Cursors()),
        ("another", Cursors(2, 0), Cursors()),
        ("own", Cursors(2, 0), Cursors(2, 0)),
        ("own", Cursors(3, 0), Cursors()),
        ("own", Cursors(2, 1), Cursors()),
    ],
)
async def test_cursors_count_in_their_own_log_and_not_past_it(
    door: Door, log_id: str | None, cursors: Cursors, start: Cursors
) -> None:
    await door.admit(door.hello())
    await door.change(lambda document: replace(document, next_index=2))
    own = (await door.stored()).document.log_id
    hello = changed(door.hello(dial=2), log_id=own if log_id == "own" else log_id, cursors=cursors)
    assert (await door.admit(hello)).cursors == start


# --- reasons against it


async def test_tickets_are_looked_at_before_the_store(door: Door) -> None:
    door.store.down = True
    with pytest.raises(SignInNeeded):
        await door.admit(changed(door.hello(), ticket="garbage"))
    with pytest.raises(NotYours):
        await door.admit(changed(door.hello(session=OTHER_SESSION), session=SESSION))
    hello = door.hello()
    door.clock.advance(EXPIRES_IN_MS)
    with pytest.raises(SignInNeeded):
        await door.admit(hello)


async def full(door: Door) -> None:
    """A session that another take holds, with no room for one more, this take dialled before, of somebody else."""
    await door.admit(door.hello(owner=SOMEBODY_ELSE))
    takes = [
        Take(TakeId(f"{number:08d}-0000-4000-8000-000000000000"), number, 1)
        for number in range(2, TAKES_MAX + 1)
    ]
    await door.change(
        lambda document: replace(document, takes=(*document.takes, *takes), take=2, taken_at_ms=7)
    )


Undo = Callable[[SessionDocument], SessionDocument]
ORDER: list[tuple[type[DictationError], int, Undo]] = [
    (NotYours, 4403, lambda document: replace(document, owner=ME)),
    (SessionDeleted, 4410, lambda document: replace(document, state=SessionState.RECORDING)),
    (DialTooOld, 4509, lambda document: document),
    (TakenElsewhere, 4409, lambda document: replace(document, holder=Holder(""))),
    (TooMany, 4413, lambda document: replace(document, takes=document.takes[:1], take=1)),
    (Busy, 4529, lambda document: document),
]


async def test_of_several_reasons_the_first_in_the_protocols_order_is_said(door: Door) -> None:
    await full(door)
    await door.change(lambda document: replace(document, state=SessionState.PURGED))
    hello = door.hello(dial=1)
    for reason, code, undo in ORDER:
        with pytest.raises(reason) as caught:
            await door.admit(hello, has_room=False)
        assert caught.value.close_code == code
        await door.change(undo)
        if reason is DialTooOld:
            hello = changed(hello, take_id=OTHER_TAKE_ID)
    assert (await door.admit(hello, has_room=True)).take == 2


async def test_the_reasons_say_what_a_recorder_needs_to_know(door: Door) -> None:
    await door.admit(door.hello(dial=5))
    with pytest.raises(DialTooOld) as too_old:
        await door.admit(door.hello(dial=5))
    assert too_old.value.stored_dial == 5
    with pytest.raises(TakenElsewhere) as taken:
        await door.admit(changed(door.hello(dial=9), take_id=OTHER_TAKE_ID))
    assert (taken.value.take, taken.value.since_ms) == (1, door.clock.wall_ms())
    with pytest.raises(Busy) as busy:
        await door.admit(door.hello(dial=9), has_room=False)
    assert busy.value.retry_after_ms == BUSY_RETRY_MS


async def test_a_new_session_with_no_room_for_it_is_not_made(door: Door) -> None:
    with pytest.raises(Busy):
        await door.admit(door.hello(), has_room=False)
    assert await door.memory.load(SESSION) is None


@pytest.mark.parametrize("how", ["takeover", "stale"])
async def test_a_held_session_is_taken_over_on_purpose_or_from_the_dead(door: Door, how: str) -> None:
    await door.admit(door.hello())
    if how == "stale":
        door.clock.advance(STALE_AFTER_MS)
    hello = changed(door.hello(), take_id=OTHER_TAKE_ID, takeover=how == "takeover")
    assert (await door.admit(hello)).take == 2


# --- races and lost replies


class Hurried(MemoryStore):
    """Somebody else is quicker, each time, `times` times."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0
        self.other = Door(memory=self)
        self.theirs: Hello | None = None

    async def _be_quicker(self) -> None:
        if self.times and self.theirs is not None:
            self.times -= 1
            self.theirs = changed(self.theirs, dial=self.theirs.dial + 1)
            await self.other.admit(self.theirs)

    async def create(self, session: SessionId, document: SessionDocument) -> Stored:
        await self._be_quicker()
        return await super().create(session, document)


async def test_the_loser_of_a_create_race_is_judged_by_what_the_winner_made() -> None:
    store = Hurried()
    door = Door(memory=store)
    store.times, store.theirs = 1, changed(door.hello(dial=1), take_id=OTHER_TAKE_ID)
    with pytest.raises(TakenElsewhere):
        await door.admit(door.hello())


async def test_and_uses_the_winners_key_log_and_config() -> None:
    store = Hurried()
    door = Door(memory=store)
    theirs = changed(door.hello(dial=1), take_id=OTHER_TAKE_ID, config=Config(language="de"))
    store.times, store.theirs = 1, theirs
    admitted = await door.admit(changed(door.hello(), takeover=True, config=Config(language="fr")))
    assert admitted.take == 2
    assert admitted.config.language == "de"
    winner = await store.other.admit(changed(theirs, dial=99, takeover=True))
    assert winner.document.log_id == admitted.document.log_id
    assert winner.key.open(Kind.LABEL, 0, admitted.key.seal(Kind.LABEL, 0, b"x")) == b"x"


async def test_two_that_race_for_a_new_session_share_one_log(door: Door) -> None:
    both = await asyncio.gather(
        door.admit(changed(door.hello(), takeover=True)),
        door.admit(changed(door.hello(), take_id=OTHER_TAKE_ID, takeover=True)),
    )
    assert sorted(each.take for each in both) == [1, 2]
    assert both[0].document.log_id == both[1].document.log_id
    assert len({each.document.holder for each in both}) == 2


async def test_a_lost_reply_is_settled_by_reading(door: Door) -> None:
    door.store.next_writes(REPLY_LOST)
    admitted = await door.admit(door.hello())
    assert admitted.document == (await door.stored()).document
    door.store.next_writes(REPLY_LOST)
    again = await door.admit(door.hello(dial=2))
    assert again.document.holder == (await door.stored()).document.holder


async def test_a_store_that_is_away_or_cannot_write_is_said(door: Door) -> None:
    door.store.next_writes(REFUSED)
    with pytest.raises(StoreUnavailable):
        await door.admit(door.hello())
    door.store.down = True
    with pytest.raises(StoreUnavailable):
        await door.admit(door.hello())


def test_what_was_admitted_shows_no_vocabulary() -> None:
    assert "config" not in {name for name, each in Admitted.__dataclass_fields__.items() if each.repr}
