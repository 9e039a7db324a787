"""Every bus that is pulled from: a wake-up is one row, hidden while worked on, tried again, and never lost unseen."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared.adapters.retries import (
    ATTEMPTS_MAX,
    ERROR_CHARACTERS_MAX,
    HIDDEN_MS_MAX,
    LOST_WORKER,
    RETRY_MS_MAX,
    retry_after_ms,
)
from shared.domain.values import LogId, SessionId
from shared.ports import Bus, DeadLetter, Delivery, Subscriber, Wakeup
from tests.contract.examples import ANOTHER, SESSION, segment_row, session_id
from tests.doubles.clock import ManualClock

POLISH, AUTOSAVE = Subscriber.POLISH, Subscriber.AUTOSAVE
LEASE_MS = 60_000
A_DAY_MS = 86_400_000


def wakeup(session: SessionId = SESSION) -> Wakeup:
    return Wakeup(session, LogId("log-1"), 1, (segment_row(0),))


async def taken(bus: Bus, subscriber: Subscriber = POLISH) -> Delivery:
    delivery = await bus.take(subscriber, LEASE_MS)
    assert delivery is not None
    return delivery


async def nothing(bus: Bus, subscriber: Subscriber = POLISH) -> bool:
    return await bus.take(subscriber, LEASE_MS) is None


async def dead(bus: Bus, clock: ManualClock, session: SessionId = SESSION) -> DeadLetter:
    """Polish's wake-up, given up at once."""
    await bus.wake(session, POLISH)
    await bus.failed(await taken(bus), "PolisherBroken", permanent=True)
    [letter] = [each for each in await bus.dead_letters(100) if each.session == session]
    return letter


async def test_an_empty_bus_gives_nothing(bus: Bus) -> None:
    assert [await bus.take(each, LEASE_MS) for each in Subscriber] == [None] * len(Subscriber)
    assert await bus.dead_letters(100) == []
    assert await bus.forget_session(SESSION) == 0


async def test_publishing_wakes_every_subscriber_once(bus: Bus) -> None:
    await bus.publish(wakeup())
    for subscriber in Subscriber:
        delivery = await taken(bus, subscriber)
        assert (delivery.session, delivery.subscriber, delivery.attempts) == (SESSION, subscriber, 1)
        assert await nothing(bus, subscriber)
        await bus.done(delivery)
        assert await nothing(bus, subscriber)


async def test_waking_wakes_one_subscriber(bus: Bus) -> None:
    await bus.wake(SESSION, AUTOSAVE)
    assert await nothing(bus, POLISH)
    assert (await taken(bus, AUTOSAVE)).subscriber is AUTOSAVE


async def test_wake_ups_of_one_session_are_one(bus: Bus) -> None:
    for _ in range(5):
        await bus.publish(wakeup())
        await bus.wake(SESSION, POLISH)
    await bus.done(await taken(bus))
    assert await nothing(bus)


async def test_the_longest_due_comes_first(bus: Bus, clock: ManualClock) -> None:
    for number in (3, 1, 2):
        await bus.wake(session_id(number), POLISH)
        clock.advance(1)
    await bus.wake(session_id(3), POLISH)
    assert [(await taken(bus)).session for _ in range(3)] == [session_id(n) for n in (3, 1, 2)]


async def test_what_is_taken_is_hidden_until_its_lease_ends(bus: Bus, clock: ManualClock) -> None:
    await bus.wake(SESSION, POLISH)
    first = await taken(bus)
    clock.advance(LEASE_MS - 1)
    assert await nothing(bus)
    clock.advance(1)
    second = await taken(bus)
    assert (second.attempts, second.ticket != first.ticket) == (2, True)


async def test_who_comes_back_after_their_lease_changes_nothing(bus: Bus, clock: ManualClock) -> None:
    await bus.wake(SESSION, POLISH)
    late = await taken(bus)
    clock.advance(LEASE_MS)
    now = await taken(bus)
    await bus.done(late)
    await bus.failed(late, "TooLate", permanent=True)
    assert await bus.dead_letters(100) == []
    clock.advance(LEASE_MS)
    assert (await taken(bus)).attempts == now.attempts + 1


async def test_what_was_published_meanwhile_is_due_at_once(bus: Bus) -> None:
    await bus.publish(wakeup())
    delivery = await taken(bus)
    await bus.publish(wakeup())
    assert await nothing(bus)
    await bus.done(delivery)
    again = await taken(bus)
    assert again.attempts == 1
    await bus.done(again)
    assert await nothing(bus)


async def test_a_failure_is_tried_again_after_growing_time(bus: Bus, clock: ManualClock) -> None:
    await bus.wake(SESSION, POLISH)
    for attempt in range(1, ATTEMPTS_MAX):
        delivery = await taken(bus)
        assert delivery.attempts == attempt
        await bus.failed(delivery, "ModelUnavailable", permanent=False)
        clock.advance(retry_after_ms(attempt) - 1)
        assert await nothing(bus)
        clock.advance(1)
    assert await bus.dead_letters(100) == []
    last = await taken(bus)
    assert last.attempts == ATTEMPTS_MAX
    await bus.failed(last, "ModelUnavailable", permanent=False)
    clock.advance(A_DAY_MS)
    assert await nothing(bus)
    [letter] = await bus.dead_letters(100)
    assert letter == DeadLetter(SESSION, POLISH, ATTEMPTS_MAX, "ModelUnavailable", letter.died_at_ms)
    assert letter.died_at_ms == clock.wall_ms() - A_DAY_MS


async def test_news_do_not_shorten_the_wait_after_a_failure(bus: Bus, clock: ManualClock) -> None:
    await bus.wake(SESSION, POLISH)
    await bus.failed(await taken(bus), "ModelUnavailable", permanent=False)
    await bus.publish(wakeup())
    assert await nothing(bus)
    clock.advance(retry_after_ms(1))
    delivery = await taken(bus)
    assert delivery.attempts == 2
    await bus.done(delivery)
    assert await nothing(bus)


async def test_a_success_forgets_the_failures(bus: Bus, clock: ManualClock) -> None:
    await bus.wake(SESSION, POLISH)
    for _ in range(3):
        await bus.failed(await taken(bus), "ModelUnavailable", permanent=False)
        clock.advance(RETRY_MS_MAX)
    delivery = await taken(bus)
    await bus.wake(SESSION, POLISH)
    await bus.done(delivery)
    assert (await taken(bus)).attempts == 1


async def test_workers_who_never_come_back_end_among_the_dead(bus: Bus, clock: ManualClock) -> None:
    await bus.wake(SESSION, POLISH)
    for attempt in range(1, ATTEMPTS_MAX + 1):
        assert (await taken(bus)).attempts == attempt
        clock.advance(LEASE_MS)
    assert await nothing(bus)
    [letter] = await bus.dead_letters(100)
    assert (letter.error, letter.attempts) == (LOST_WORKER, ATTEMPTS_MAX)


async def test_a_lost_worker_does_not_hold_up_the_others(bus: Bus, clock: ManualClock) -> None:
    await bus.wake(SESSION, POLISH)
    for _ in range(ATTEMPTS_MAX):
        await taken(bus)
        clock.advance(LEASE_MS)
    await bus.wake(ANOTHER, POLISH)
    assert (await taken(bus)).session == ANOTHER


async def test_what_cannot_succeed_is_dead_at_once(bus: Bus, clock: ManualClock) -> None:
    letter = await dead(bus, clock)
    assert letter == DeadLetter(SESSION, POLISH, 1, "PolisherBroken", clock.wall_ms())
    clock.advance(A_DAY_MS)
    assert await nothing(bus)


async def test_of_a_failure_only_its_kind_is_kept(bus: Bus, clock: ManualClock) -> None:
    await bus.wake(SESSION, POLISH)
    await bus.failed(await taken(bus), "x" * 10_000, permanent=True)
    [letter] = await bus.dead_letters(100)
    assert letter.error == "x" * ERROR_CHARACTERS_MAX


async def test_the_dead_are_listed_oldest_first(bus: Bus, clock: ManualClock) -> None:
    letters = []
    for number in (3, 1, 2):
        letters.append(await dead(bus, clock, session_id(number)))
        clock.advance(1)
    assert await bus.dead_letters(100) == letters
    assert await bus.dead_letters(2) == letters[:2]


async def test_a_replayed_letter_is_due_with_its_attempts_forgotten(bus: Bus, clock: ManualClock) -> None:
    letter = await dead(bus, clock)
    assert await bus.replay(letter)
    assert await bus.dead_letters(100) == []
    assert not await bus.replay(letter)
    delivery = await taken(bus)
    assert delivery.attempts == 1
    await bus.done(delivery)
    assert not await bus.replay(letter)
    assert await nothing(bus)


async def test_a_dead_one_that_is_woken_is_tried_once_after_the_slowest_wait(
    bus: Bus, clock: ManualClock
) -> None:
    letter = await dead(bus, clock)
    await bus.publish(wakeup())
    clock.advance(RETRY_MS_MAX - 1)
    assert await nothing(bus)
    assert await bus.dead_letters(100) == [letter]
    clock.advance(1)
    await bus.done(await taken(bus))
    assert await bus.dead_letters(100) == []
    assert await nothing(bus)


async def test_a_dead_one_that_fails_again_stays_dead(bus: Bus, clock: ManualClock) -> None:
    await dead(bus, clock)
    clock.advance(RETRY_MS_MAX)
    await bus.wake(SESSION, POLISH)
    await bus.failed(await taken(bus), "StillBroken", permanent=True)
    assert [each.error for each in await bus.dead_letters(100)] == ["StillBroken"]
    clock.advance(A_DAY_MS)
    assert await nothing(bus)


async def test_what_came_while_it_died_is_tried_later(bus: Bus, clock: ManualClock) -> None:
    await bus.wake(SESSION, POLISH)
    delivery = await taken(bus)
    await bus.wake(SESSION, POLISH)
    await bus.failed(delivery, "PolisherBroken", permanent=True)
    clock.advance(RETRY_MS_MAX - 1)
    assert await nothing(bus)
    clock.advance(1)
    await bus.done(await taken(bus))
    assert await bus.dead_letters(100) == []


async def test_one_that_is_replayed_while_it_is_tried_is_tried_again(bus: Bus, clock: ManualClock) -> None:
    letter = await dead(bus, clock)
    clock.advance(RETRY_MS_MAX)
    await bus.wake(SESSION, POLISH)
    trying = await taken(bus)
    assert await bus.replay(letter)
    assert await nothing(bus)
    await bus.done(trying)
    assert (await taken(bus)).attempts == 1


async def test_who_is_lost_while_trying_a_replayed_one_has_tried_it_once(
    bus: Bus, clock: ManualClock
) -> None:
    letter = await dead(bus, clock)
    clock.advance(RETRY_MS_MAX)
    await bus.wake(SESSION, POLISH)
    await taken(bus)
    assert await bus.replay(letter)
    clock.advance(LEASE_MS)
    assert (await taken(bus)).attempts == 2


async def test_one_that_died_of_many_attempts_is_tried_again_when_it_is_woken(
    bus: Bus, clock: ManualClock
) -> None:
    await bus.wake(SESSION, POLISH)
    for _ in range(ATTEMPTS_MAX):
        await bus.failed(await taken(bus), "ModelUnavailable", permanent=False)
        clock.advance(RETRY_MS_MAX)
    assert len(await bus.dead_letters(100)) == 1
    await bus.wake(SESSION, POLISH)
    delivery = await taken(bus)
    assert delivery.attempts == ATTEMPTS_MAX + 1
    await bus.failed(delivery, "ModelUnavailable", permanent=False)
    clock.advance(A_DAY_MS)
    assert await nothing(bus)
    assert len(await bus.dead_letters(100)) == 1


async def test_one_that_succeeds_is_dead_no_more_though_news_came_meanwhile(
    bus: Bus, clock: ManualClock
) -> None:
    await dead(bus, clock)
    clock.advance(RETRY_MS_MAX)
    await bus.wake(SESSION, POLISH)
    delivery = await taken(bus)
    await bus.wake(SESSION, POLISH)
    await bus.done(delivery)
    assert await bus.dead_letters(100) == []
    assert (await taken(bus)).attempts == 1


async def test_a_forgotten_session_is_gone_for_everybody(bus: Bus, clock: ManualClock) -> None:
    await dead(bus, clock)
    await bus.wake(SESSION, AUTOSAVE)
    await bus.wake(ANOTHER, POLISH)
    delivery = await taken(bus, AUTOSAVE)
    assert await bus.forget_session(SESSION) == 2
    assert await bus.forget_session(SESSION) == 0
    assert await bus.dead_letters(100) == []
    await bus.done(delivery)
    await bus.failed(delivery, "TooLate", permanent=True)
    assert await bus.dead_letters(100) == []
    assert (await taken(bus)).session == ANOTHER
    clock.advance(A_DAY_MS)
    assert await nothing(bus, AUTOSAVE)


async def test_a_clock_that_was_wrong_hides_nothing_for_long(bus: Bus, clock: ManualClock) -> None:
    right_ms = clock.wall_ms()
    clock.set_wall_ms(right_ms + 365 * A_DAY_MS)
    await bus.wake(SESSION, POLISH)
    await taken(bus)
    clock.set_wall_ms(right_ms)
    assert (await taken(bus)).session == SESSION
    clock.set_wall_ms(right_ms + HIDDEN_MS_MAX)
    assert (await taken(bus)).session == SESSION


async def test_two_instances_never_hold_the_same(open_bus: Callable[[], Awaitable[Bus]]) -> None:
    one, two = await open_bus(), await open_bus()
    for number in range(30):
        await one.wake(session_id(number), POLISH)

    async def worked_off(bus: Bus) -> list[SessionId]:
        mine = []
        while (delivery := await bus.take(POLISH, LEASE_MS)) is not None:
            mine.append(delivery.session)
            await bus.done(delivery)
        return mine

    shares = await asyncio.gather(*(worked_off(each) for each in (one, two, one, two)))
    assert sorted(each for share in shares for each in share) == [session_id(n) for n in range(30)]


async def test_what_was_published_outlives_the_instance(open_bus: Callable[[], Awaitable[Bus]]) -> None:
    first = await open_bus()
    await first.publish(wakeup())
    await taken(first)
    await first.close()
    second = await open_bus()
    assert await nothing(second)
    assert (await taken(second, AUTOSAVE)).session == SESSION
    await second.publish(wakeup())


@pytest.mark.parametrize("subscriber", list(Subscriber))
async def test_subscribers_do_not_disturb_each_other(
    bus: Bus, clock: ManualClock, subscriber: Subscriber
) -> None:
    [other] = [each for each in Subscriber if each is not subscriber]
    await bus.publish(wakeup())
    await bus.failed(await taken(bus, subscriber), "Broken", permanent=True)
    await bus.done(await taken(bus, other))
    [letter] = await bus.dead_letters(100)
    assert letter.subscriber is subscriber
    await bus.wake(SESSION, other)
    await bus.replay(letter)
    assert (await taken(bus, subscriber)).attempts == (await taken(bus, other)).attempts == 1
