"""What broke earlier drafts of the service, one at a time: the sweep, full tapes, silent engines, moves."""

import pytest

from client.link_state import Phase
from services.ingest.connection import WINDOW_LIVE
from services.ingest.engines.scripted import NO_FAULTS, Faults
from shared.domain.entries import Gap, GapCause
from shared.domain.session import SessionState
from shared.domain.values import samples
from tests.flow.stage import Stage, on_stage, recorded


@pytest.mark.parametrize("after_ms", [-60, -30, 0, 10, 20, 30, 60])
def test_the_sweep_starts_as_the_client_returns(after_ms: int) -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        await recorded(stage, recorder, 5)
        recorder.go_offline()
        await stage.world.kill(0)
        await stage.sleep(100)
        stage.world.restart(0)
        await stage.until(lambda: recorder.link.phase is Phase.WAITING)
        recorder.offline = False
        await stage.until(lambda: recorder.link.phase is Phase.GREETING)
        await stage.sleep(max(0, after_ms) / 1_000)
        stage.spawn(stage.world.sweep())
        await recorded(stage, recorder, 2)
        assert recorder.link.phase is Phase.LIVE
        await stage.done(recorder)

    on_stage(act)


def test_an_abandoned_take_becomes_a_gap_after_a_day_and_the_session_is_finished() -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        await recorded(stage, recorder, 5)
        await stage.sleep(6)
        recorder.go_offline()
        await stage.sleep(30)
        captured_until = (await stage.world.document(stage.session)).takes[0].captured_until
        assert captured_until > 0
        await recorder.close()
        await stage.sleep(25 * 3_600)
        await stage.world.sweep()
        document = await stage.world.document(stage.session)
        assert document.state is SessionState.FINISHED
        assert document.takes[0].covered == captured_until
        stage.recorders.clear()

    on_stage(act, checked=False)


def test_a_full_tape_then_finish() -> None:
    """Capture stops loudly, positions do not advance, and what was missed is one gap where it happened."""

    async def act(stage: Stage) -> None:
        recorder = stage.recorder(tape=samples(30))
        recorder.record()
        await recorded(stage, recorder, 5)
        recorder.go_offline()
        await stage.until(lambda: recorder.link.full_since_ms is not None, what="the tape is full")
        full_at = recorder.tape.until
        await stage.sleep(60)
        assert recorder.tape.until == full_at
        recorder.finish()
        recorder.go_online()
        await stage.done(recorder)
        gaps = [each.entry for each in await stage.world.log(stage.session) if isinstance(each.entry, Gap)]
        assert [(gap.cause, gap.span.start) for gap in gaps] == [(GapCause.TAPE_OVERFLOW, full_at)]
        assert 59_000 < gaps[0].wall_ms < 62_000

    on_stage(act)


def test_a_full_tape_then_room_again() -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder(tape=samples(30))
        recorder.record()
        await recorded(stage, recorder, 5)
        recorder.go_offline()
        await stage.until(lambda: recorder.link.full_since_ms is not None)
        full_at = recorder.tape.until
        recorder.go_online()
        await stage.until(lambda: recorder.tape.until > full_at, what="capture goes on by itself")
        await stage.done(recorder)

    on_stage(act)


def test_an_engine_that_answers_nothing_for_a_minute_stops_credit_and_loses_nothing() -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        await recorded(stage, recorder, 55)
        delivery = recorder.link.delivery
        assert delivery.sent_until - delivery.covered == WINDOW_LIVE
        assert delivery.sent_until == delivery.send_until
        assert recorder.dials == 1, "the connection lives on"
        await recorded(stage, recorder, 30)
        assert recorder.link.delivery.undelivered < samples(10)
        await stage.done(recorder)

    on_stage(act, engine_faults=Faults(mute_at=samples(5), mute_ms=60_000))


@pytest.mark.parametrize("store_is_down", [False, True])
def test_a_stopping_instance_tells_its_recorder_within_three_seconds(store_is_down: bool) -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        await recorded(stage, recorder, 3)
        place = recorder.dials % 2
        instance = stage.world.instances[place]
        assert instance is not None
        instance.store.down = store_is_down
        dials = recorder.dials
        stage.spawn(stage.world.move(place))
        await stage.until(lambda: recorder.dials > dials, limit_ms=3_000, what="the recorder is told")
        assert recorder.link.phase is Phase.DIALLING, "at once, without backoff"
        await stage.until(lambda: stage.world.instances[place] is None, limit_ms=10_000, what="gone in time")
        await recorded(stage, recorder, 3)
        await stage.done(recorder)

    on_stage(act, instances=2)


def test_a_connection_moves_after_55_minutes() -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        await recorded(stage, recorder, 5)
        recorder.pause()
        await stage.sleep(54 * 60)
        assert recorder.dials == 1
        recorder.record()
        await stage.sleep(60)
        assert recorder.dials == 2
        assert not any("waiting" in note for note in recorder.notes), "without a pause"
        await stage.done(recorder)

    on_stage(act)


def test_a_full_service_is_dialled_again_until_there_is_room() -> None:
    async def act(stage: Stage) -> None:
        instance = stage.world.instances[0]
        assert instance is not None
        instance.desk.sessions_max = 0
        recorder = stage.recorder()
        recorder.record()
        await recorded(stage, recorder, 10)
        assert recorder.link.bye is not None
        assert recorder.link.bye.code == 4529
        instance.desk.sessions_max = 1
        await stage.until(lambda: recorder.link.phase is Phase.LIVE)
        await stage.done(recorder)

    on_stage(act)


@pytest.mark.parametrize("engine_faults", [NO_FAULTS, Faults(delay_ms=2_500)])
def test_a_recorder_that_never_returns_leaves_what_was_received(engine_faults: Faults) -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        await recorded(stage, recorder, 5.1)
        sent_until = recorder.link.delivery.sent_until
        await stage.sleep(0.05)
        recorder.go_offline()
        await recorder.close()
        await stage.sleep(40)
        document = await stage.world.document(stage.session)
        assert document.takes[0].covered >= sent_until
        assert document.state is SessionState.INTERRUPTED
        instance = stage.world.instances[0]
        assert instance is not None
        assert not instance.desk.is_busy
        stage.recorders.clear()

    on_stage(act, engine_faults=engine_faults, checked=False)
