"""The recorder's shell: a recording through lost connections, paced, bounded, ended in every way. No real time passes."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from client.audio import BadAudio
from client.result import Outcome, Result
from client.stream import TAPE_AHEAD_MAX
from shared.domain.values import SAMPLES_PER_SECOND
from shared.wire.messages import Ack, Bye, Draft, Finish, Finished, Ping, PolishedSent, Pong
from tests.unit.client.doubles import TAKE, World, blocks, entry, pcm, settle, welcome, world


def started(here: World, seconds: float) -> "asyncio.Task[Result]":
    return asyncio.create_task(here.recorder.run(blocks(seconds)))


async def test_a_recording_is_sent_finished_and_told() -> None:
    async with world() as here:
        running = started(here, 2.5)
        await settle()
        socket = here.network.last
        assert (socket.hello.takeover, socket.hello.ticket, socket.hello.take_id) == (True, "made-up", TAKE)
        socket.say(welcome())
        await settle()
        assert b"".join(frame.pcm for frame in socket.audio) == pcm(2.5)
        assert socket.finish is not None
        assert socket.finish.until == 40_000
        socket.say(entry(0, "made up"), entry(1, "words"), PolishedSent(0, 0, 1, "Made up words."))
        socket.say(Ack(40_000, 40_000, 480_000, 0), Finished(40_000), Draft("saved", 2))
        socket.bye(Bye(1000, "all done", retry=False))
        result = await running
    assert result.outcome is Outcome.FINISHED
    assert (result.audio_samples, result.covered_samples, result.reconnects) == (40_000, 40_000, 0)
    assert (result.text, result.polished_text) == ("made up words", "Made up words.")
    assert (result.gaps, result.draft_state) == ([], "saved")
    assert socket.is_gone


async def test_what_is_lost_is_sent_again_from_where_it_is_covered() -> None:
    async with world() as here:
        running = started(here, 2)
        await settle()
        here.network.last.say(welcome())
        await settle()
        here.network.last.close(1006)
        await here.pass_ms(500)
        again = here.network.last
        assert again.hello.dial > here.network.sockets[0].hello.dial
        assert again.hello.captured_until == 32_000
        assert not again.hello.takeover
        again.say(welcome(send_from=16_000))
        await settle()
        assert [(frame.start, frame.until) for frame in again.audio] == [(16_000, 32_000)]
        await here.cover_all()
        result = await running
    assert (result.outcome, result.reconnects) == (Outcome.FINISHED, 1)
    assert all(socket.is_gone for socket in here.network.sockets)


async def test_speed_one_captures_as_a_microphone_does() -> None:
    async with world(speed=1) as here:
        running = started(here, 1)
        await settle()
        here.network.last.say(welcome())
        await settle()
        assert here.network.last.audio == []
        await here.pass_ms(500)
        assert here.network.last.audio_until == 8_000
        assert here.network.last.finish is None
        await here.pass_ms(500)
        assert here.network.last.audio_until == 16_000
        await here.cover_all()
        assert (await running).outcome is Outcome.FINISHED


async def test_capture_goes_on_while_nobody_is_there() -> None:
    async with world(speed=1) as here:
        here.network.refusing = {"one.example"}
        running = started(here, 60)
        await settle()
        await here.pass_ms(20_000)
        assert here.recorder.link.delivery.captured_until == 20 * SAMPLES_PER_SECOND
        assert here.seen.troubles
        here.recorder.give_up()
        assert (await running).outcome is Outcome.GAVE_UP


async def test_what_an_earlier_run_delivered_is_passed_over_without_waiting() -> None:
    async with world(speed=1) as here:
        running = started(here, 10)
        await settle()
        here.network.last.say(welcome(send_from=9 * SAMPLES_PER_SECOND))
        await here.pass_ms(100)
        assert (
            9 * SAMPLES_PER_SECOND <= here.recorder.link.delivery.captured_until <= 9.2 * SAMPLES_PER_SECOND
        )
        await here.pass_ms(1_000)
        assert here.network.last.audio[0].start == 9 * SAMPLES_PER_SECOND
        await here.cover_all()
        result = await running
    assert (result.audio_samples, result.covered_samples) == (160_000, 160_000)


async def test_a_file_that_is_all_there_already_is_finished_again() -> None:
    async with world() as here:
        running = started(here, 2)
        await settle()
        socket = here.network.last
        socket.say(welcome(send_from=32_000), entry(0, "said before"))
        await settle()
        assert socket.audio == []
        assert socket.finish is not None
        socket.say(Finished(32_000))
        socket.bye(Bye(1000, "all done", retry=False))
        result = await running
    assert (result.outcome, result.text, result.audio_samples) == (Outcome.FINISHED, "said before", 32_000)


async def test_a_file_longer_than_the_tape_waits_and_loses_nothing() -> None:
    hours = 2
    async with world() as here:
        running = started(here, hours * 3_600)
        await settle()
        socket = here.network.last
        socket.say(welcome(send_from=3_600 * SAMPLES_PER_SECOND))
        while not running.done():
            await settle()
            tape = here.recorder.tape
            assert tape.until - tape.start <= TAPE_AHEAD_MAX
            until = socket.audio_until
            socket.say(Ack(until, until, until + 120 * SAMPLES_PER_SECOND, 0))
            if socket.finish is not None:
                socket.say(Finished(until))
                socket.bye(Bye(1000, "all done", retry=False))
        result = await running
    assert result.covered_samples == hours * 3_600 * SAMPLES_PER_SECOND
    assert sum(len(frame.pcm) for frame in socket.audio) == 2 * 3_600 * SAMPLES_PER_SECOND


async def test_servers_take_turns_also_when_one_is_down() -> None:
    async with world(urls=("ws://one.example:1", "ws://two.example:2")) as here:
        here.network.refusing = {"two.example"}
        running = started(here, 1)
        await settle()
        here.network.last.close(1006)
        await here.pass_ms(5_000)
        assert here.network.dialled[:3] == [
            "ws://one.example:1/v1/stream",
            "ws://two.example:2/v1/stream",
            "ws://one.example:1/v1/stream",
        ]
        here.recorder.give_up()
        await running


async def test_a_first_server_that_grants_no_ticket_is_passed_over() -> None:
    async with world(urls=("ws://one.example:1", "ws://two.example:2")) as here:
        here.service.answers["one.example"] = httpx.Response(503, json={"error": "x", "message": "not ready"})
        running = started(here, 1)
        await here.pass_ms(500)
        assert here.network.dialled == ["ws://two.example:2/v1/stream"]
        assert here.seen.troubles == ["not ready"]
        here.recorder.give_up()
        await running


async def test_a_cut_comes_after_so_much_new_audio_and_never_for_what_is_repeated() -> None:
    async with world(cut_every=SAMPLES_PER_SECOND) as here:
        running = started(here, 2.5)
        for send_from in (0, 8_000, 32_000):
            await settle()
            here.network.last.say(welcome(send_from))
            await here.pass_ms(500)
        cuts = [socket.audio_until for socket in here.network.sockets]
        assert cuts == [16_000, 32_000, 40_000]
        await here.cover_all()
        result = await running
    assert (result.outcome, result.reconnects, result.covered_samples) == (Outcome.FINISHED, 2, 40_000)


async def test_a_server_that_never_comes_is_given_up() -> None:
    async with world(give_up_after_ms=3_000) as here:
        here.network.refusing = {"one.example"}
        running = started(here, 1)
        await here.pass_ms(2_900)
        assert not running.done()
        await here.pass_ms(200)
        result = await running
    assert (result.outcome, result.covered_samples) == (Outcome.GAVE_UP, 0)


async def test_a_server_that_welcomes_and_drops_without_progress_is_given_up() -> None:
    async with world(give_up_after_ms=3_000) as here:
        running = started(here, 1)
        for _ in range(100):
            await settle()
            if running.done():
                break
            here.network.last.say(welcome())
            await settle()
            here.network.last.bye(Bye(4503, "the store is unavailable", retry=True))
            await here.pass_ms(300)
        assert (await running).outcome is Outcome.GAVE_UP
    assert set(here.seen.troubles) == {"the store is unavailable"}


async def test_a_slow_server_that_is_there_is_never_given_up() -> None:
    async with world(give_up_after_ms=3_000) as here:
        running = started(here, 1)
        await settle()
        here.network.last.say(welcome())
        for number in range(1, 5):
            await here.pass_ms(5_000)
            here.network.last.say(Ping(number))
        await settle()
        assert [each for each in here.network.last.sent if isinstance(each, Pong)][-1].echo == 4
        assert not running.done()
        await here.cover_all()
        assert (await running).outcome is Outcome.FINISHED


async def test_what_is_stored_counts_as_finished_even_if_the_note_never_comes() -> None:
    async with world(give_up_after_ms=1_000) as here:
        running = started(here, 1)
        await settle()
        here.network.last.say(welcome())
        await settle()
        here.network.last.say(Ack(16_000, 16_000, 480_000, 0), Finished(16_000))
        await settle()
        here.network.refusing = {"one.example"}
        here.network.last.close(1006)
        await here.pass_ms(2_000)
        assert (await running).outcome is Outcome.FINISHED


@pytest.mark.parametrize("code", [4400, 4403, 4409, 4410, 4413, 4416])
async def test_44xx_ends_the_run_with_what_the_server_said(code: int) -> None:
    async with world() as here:
        running = started(here, 1)
        await settle()
        here.network.last.bye(Bye(code, "not here", retry=False))
        result = await running
    assert result.outcome is Outcome.REFUSED
    assert result.bye is not None
    assert (result.bye.code, result.bye.reason) == (code, "not here")


@pytest.mark.parametrize(("status", "code"), [(401, 4401), (403, 4403), (410, 4410)])
async def test_a_refused_ticket_ends_the_run(status: int, code: int) -> None:
    async with world() as here:
        here.service.answers["tickets"] = httpx.Response(status, json={"error": "x", "message": "sign in"})
        result = await started(here, 1)
    assert result.outcome is Outcome.REFUSED
    assert result.bye is not None
    assert (result.bye.code, result.bye.reason) == (code, "sign in")
    assert here.network.dialled == []


async def test_finish_keeps_what_was_captured_and_captures_no_more() -> None:
    async with world(speed=1) as here:
        running = started(here, 60)
        await settle()
        here.network.last.say(welcome())
        await here.pass_ms(2_000)
        assert here.recorder.finish()
        assert not here.recorder.finish()
        await settle()
        socket = here.network.last
        assert socket.finish is not None
        assert socket.finish.until == 32_000
        await here.cover_all()
        result = await running
    assert (result.outcome, result.audio_samples) == (Outcome.FINISHED, 32_000)


async def test_the_label_is_put_once_the_session_exists_and_never_in_an_address() -> None:
    async with world(label="Jane Roe, made up") as here:
        running = started(here, 1)
        await settle()
        assert [method for method, _ in here.service.asked] == ["POST"]
        here.network.last.say(welcome())
        await settle()
        assert here.service.asked[-1][0] == "PUT"
        assert here.service.bodies[-1] == b'{"label":"Jane Roe, made up"}'
        assert not any("Jane" in url for _, url in here.service.asked)
        await here.cover_all()
        await running


async def test_a_label_that_cannot_be_saved_is_said_and_does_not_stop_the_words() -> None:
    async with world(label="Jane Roe, made up") as here:
        here.service.answers["label"] = httpx.Response(503, json={"error": "x", "message": "busy"})
        running = started(here, 1)
        await settle()
        here.network.last.say(welcome())
        await here.pass_ms(4_000)
        await here.cover_all()
        result = await running
    assert result.outcome is Outcome.FINISHED
    assert here.seen.sentences == ["the label could not be saved; put it on the session's page"]


async def test_a_refused_label_is_said_once_while_the_words_go_on() -> None:
    async with world(label="Jane Roe, made up") as here:
        here.service.answers["label"] = httpx.Response(403, json={"error": "x", "message": "not yours"})
        running = started(here, 1)
        await settle()
        here.network.last.say(welcome())
        await settle()
        assert here.seen.sentences == ["the label was not taken: not yours"]
        await here.cover_all()
        assert (await running).outcome is Outcome.FINISHED
    assert len(here.seen.sentences) == 1


async def test_a_run_that_ends_before_its_label_was_put_says_so() -> None:
    async with world(label="Jane Roe, made up") as here:
        here.network.refusing = {"one.example"}
        running = started(here, 1)
        await settle()
        here.recorder.give_up()
        assert (await running).outcome is Outcome.GAVE_UP
    assert here.seen.sentences == ["the label is not saved"]


async def test_a_recording_that_breaks_off_is_said_and_what_was_captured_is_delivered() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield pcm(1)
        raise BadAudio("note.wav ends too early")

    async with world(label="Jane Roe, made up") as here:
        running = asyncio.create_task(here.recorder.run(source()))
        await settle()
        assert here.seen.sentences == ["note.wav ends too early; what was captured before is being finished"]
        socket = here.network.last
        socket.say(welcome())
        await settle()
        assert (socket.audio_until, socket.finish) == (16_000, Finish(16_000))
        await here.cover_all()
        result = await running
    assert (result.outcome, result.covered_samples) == (Outcome.CUT_SHORT, 16_000)
    assert here.service.bodies[-1] == b'{"label":"Jane Roe, made up"}'


async def test_a_recording_that_breaks_off_and_cannot_be_delivered_is_given_up() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield pcm(1)
        raise BadAudio("note.wav ends too early")

    async with world(give_up_after_ms=1_000) as here:
        here.network.refusing = {"one.example"}
        running = asyncio.create_task(here.recorder.run(source()))
        await settle()
        await here.pass_ms(2_000)
        assert (await running).outcome is Outcome.GAVE_UP


async def test_an_own_mistake_ends_the_run_and_leaves_nothing_open() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield pcm(1)
        raise RuntimeError("the disk is gone")

    async with world() as here:
        with pytest.raises(RuntimeError, match="the disk is gone"):
            await here.recorder.run(source())
    assert all(socket.is_gone for socket in here.network.sockets)
