"""Dead letters on Pub/Sub: kept, listed without being lost, replayed once, and those that Pub/Sub moved by itself."""

from collections.abc import AsyncIterator

import httpx
import pytest

from infra.local.provision import make, resources
from shared.adapters.pubsub import PubsubPublisher
from shared.adapters.pubsub_letters import (
    NO_SESSION,
    SOURCE,
    SOURCE_ATTEMPTS,
    TRIED_TOO_OFTEN,
    PubsubLetters,
    letter_of,
)
from shared.config import Config, load_config
from shared.domain.events import SESSION, SUBSCRIBER
from shared.domain.values import SessionId
from shared.errors import Retry
from shared.ports import DeadLetter, Subscriber
from tests.doubles.emulators import free_port, fresh_name, pubsub_emulator, storage_emulator

ONE = SessionId("00000000-0000-4000-8000-000000000001")
OTHER = SessionId("00000000-0000-4000-8000-000000000002")


def letter(session: SessionId, subscriber: Subscriber = Subscriber.POLISH, attempts: int = 1) -> DeadLetter:
    return DeadLetter(session, subscriber, attempts, "Broken", 0)


def kinds(letters: list[DeadLetter]) -> list[tuple[SessionId, Subscriber, int, str]]:
    return sorted((each.session, each.subscriber, each.attempts, each.error) for each in letters)


class Place:
    """A project of its own, and dead-letter boxes over it."""

    def __init__(self, config: Config, client: httpx.AsyncClient) -> None:
        self._config = config
        self._client = client
        self._opened: list[PubsubLetters] = []
        self._buses: list[PubsubPublisher] = []

    def box(self) -> PubsubLetters:
        config = self._config
        bus = PubsubPublisher.open(config.project, config.topic, config.pubsub_emulator)
        box = PubsubLetters.open(config.project, config.dead_letter_topic, bus, config.pubsub_emulator)
        self._buses.append(bus)
        self._opened.append(box)
        return box

    async def woken(self) -> list[tuple[str, str]]:
        """Whom messages on the topic have woken since it was last asked."""
        at = f"http://{self._config.pubsub_emulator}/v1/projects/{self._config.project}/subscriptions/ear"
        pulled = await self._client.post(f"{at}:pull", json={"maxMessages": 100, "returnImmediately": True})
        received = pulled.json().get("receivedMessages", [])
        if received:
            await self._client.post(
                f"{at}:acknowledge", json={"ackIds": [each["ackId"] for each in received]}
            )
        said = [each["message"]["attributes"] for each in received]
        return [(each[SESSION], each[SUBSCRIBER]) for each in said]

    async def close(self) -> None:
        for box in self._opened:
            await box.close()
        for bus in self._buses:
            await bus.close()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    config = load_config(
        backend="emulators",
        project=fresh_name(),
        bucket=fresh_name(),
        pubsub_emulator=pubsub_emulator().address,
        storage_emulator=storage_emulator().address,
    )
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        await make(client, resources(config, {}))
        root = f"projects/{config.project}"
        made = await client.put(
            f"http://{config.pubsub_emulator}/v1/{root}/subscriptions/ear",
            json={"topic": f"{root}/topics/{config.topic}"},
        )
        made.raise_for_status()
        opened = Place(config, client)
        yield opened
        await opened.close()


async def test_what_was_buried_is_listed_once_and_is_still_there_for_the_next_who_looks(place: Place) -> None:
    service = place.box()
    assert await service.dead_letters(100) == []
    for each in (letter(ONE), letter(ONE, attempts=3), letter(ONE, Subscriber.AUTOSAVE), letter(OTHER)):
        await service.bury(each)
    expected = [
        (ONE, Subscriber.AUTOSAVE, 1, "Broken"),
        (ONE, Subscriber.POLISH, 3, "Broken"),
        (OTHER, Subscriber.POLISH, 1, "Broken"),
    ]
    for _ in range(2):
        looking = place.box()
        assert kinds(await looking.dead_letters(100)) == expected
        await looking.close()


async def test_replayed_letters_wake_their_subscriber_and_are_gone(place: Place) -> None:
    box = place.box()
    for each in (letter(ONE), letter(ONE), letter(OTHER, Subscriber.AUTOSAVE), letter(NO_SESSION)):
        await box.bury(each)
    found = {each.session: each for each in await box.dead_letters(100)}
    assert await box.replay(found[ONE])
    assert not await box.replay(found[ONE])
    assert await box.replay(found[NO_SESSION])
    await box.close()
    assert await place.woken() == [(ONE, "polish")]
    left = place.box()
    assert kinds(await left.dead_letters(100)) == [(OTHER, Subscriber.AUTOSAVE, 1, "Broken")]


async def test_a_box_that_does_not_answer_is_said_and_closes_all_the_same() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    bus = PubsubPublisher.open("test", "wakeups", nobody)
    box = PubsubLetters.open("test", "letters", bus, nobody)
    with pytest.raises(Retry):
        await box.dead_letters(10)
    with pytest.raises(Retry):
        await box.bury(letter(ONE))
    await box.close()
    await bus.close()


def test_what_pubsub_moved_by_itself_tells_whose_it_was_and_how_often_it_was_tried() -> None:
    moved = {SESSION: ONE, "log_id": "l", SOURCE: "steno-wakeups-autosave", SOURCE_ATTEMPTS: "10"}
    assert letter_of(moved, 5) == DeadLetter(ONE, Subscriber.AUTOSAVE, 10, TRIED_TOO_OFTEN, 5)


def test_a_message_of_nobody_is_listed_too() -> None:
    assert letter_of({SOURCE_ATTEMPTS: "many"}, 5) == DeadLetter(
        NO_SESSION, Subscriber.POLISH, 0, TRIED_TOO_OFTEN, 5
    )
