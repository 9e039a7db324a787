"""Engines that die, fall silent and refuse under a session that lives on: the text is what it would have been."""

import pytest

from services.ingest.engines.scripted import Faults
from shared.domain.entries import Gap, GapCause, Segment
from shared.domain.values import Span, samples
from tests.flow.engines import MakeEngine, catching_up, in_turn, mended
from tests.flow.stage import Stage, on_stage, recorded

HOUR_S = 3_600


def _dictated(seconds: int, make_engine: MakeEngine) -> None:
    """A dictation of so many seconds on one connection; every word is checked against the audio spoken."""

    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        for _ in range(0, seconds, 60):
            await recorded(stage, recorder, 60)
        await stage.done(recorder)
        assert not any("waiting" in note for note in recorder.notes), "the recorder never noticed"
        log = [logged.entry for logged in await stage.world.log(stage.session)]
        assert not [entry for entry in log if isinstance(entry, Gap)]
        assert all(isinstance(entry, Segment) and entry.engine == "scripted" for entry in log)

    on_stage(act, make_engine=make_engine)


def test_two_hundred_deaths_in_an_hour_of_two_engines_in_turn_change_no_word() -> None:
    every_18_s = [samples(9 + 18 * death) for death in range(200)]
    odd, even = Faults(dies_at=tuple(every_18_s[::2])), Faults(dies_at=tuple(every_18_s[1::2]))
    _dictated(HOUR_S, in_turn(odd, even, give_up_ms=0))


def test_an_engine_that_takes_audio_and_says_nothing_is_replaced() -> None:
    _dictated(60, mended(Faults(mute_at=samples(20), mute_ms=3_600_000)))


REFUSING = Faults(dies_at=(samples(20),), refuses=5)


@pytest.mark.parametrize("make_engine", [mended(REFUSING), in_turn(REFUSING, REFUSING)])
def test_an_engine_that_refuses_for_a_while_costs_no_word(make_engine: MakeEngine) -> None:
    _dictated(60, make_engine)


def test_speech_without_words_is_a_gap_after_falling_back_too() -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        await recorded(stage, recorder, 20)
        await stage.done(recorder)
        entries = [logged.entry for logged in await stage.world.log(stage.session)]
        causes = {entry.cause for entry in entries if isinstance(entry, Gap)}
        assert causes == {GapCause.UNRECOGNISED}

    deaf = Faults(deaf=Span(samples(4), samples(6)))
    on_stage(act, make_engine=in_turn(Faults(dies_at=(samples(2),)), deaf, give_up_ms=0))


def test_a_backlog_is_heard_by_several_streams_and_told_in_order() -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        await recorded(stage, recorder, 5)
        recorder.go_offline()
        await recorded(stage, recorder, 120)
        recorder.go_online()
        back_ms = stage.world.clock.monotonic_ms()
        await stage.until(lambda: recorder.tape.until - recorder.link.delivery.covered < samples(3))
        assert stage.world.clock.monotonic_ms() - back_ms < 90_000, "one stream needs two minutes"
        await stage.done(recorder)

    faults = Faults(slow=0.5)
    on_stage(act, make_engine=catching_up(mended(faults)))
