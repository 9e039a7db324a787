"""What broke earlier drafts of the protocol, one at a time: sockets, dials and leases."""

import pytest

from client.events import ContinueHere
from client.link_state import Phase
from services.ingest.engines.scripted import CELL, Faults
from shared.domain.entries import Gap
from shared.domain.session import SessionState
from shared.domain.values import samples
from tests.doubles.faulty_store import REPLY_LOST
from tests.flow.stage import Stage, on_stage, recorded


def test_a_socket_dying_mid_word_splits_no_word() -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        for _ in range(20):
            await recorded(stage, recorder, 1.1)
            await stage.until(lambda: recorder.link.delivery.sent_until % CELL > CELL // 4)
            assert recorder.wire is not None
            recorder.wire.cut()
        await stage.done(recorder)
        words = [logged.entry.span for logged in await stage.world.log(stage.session)]
        assert all(span.start % CELL == 0 for span in words)

    on_stage(act, instances=2)


def test_another_take_finishes_while_this_one_holds_audio() -> None:
    async def act(stage: Stage) -> None:
        first, second = stage.recorder(), stage.recorder()
        first.record()
        await recorded(stage, first, 3)
        first.go_offline()
        await recorded(stage, first, 20)
        first.pause()
        second.record()
        await recorded(stage, second, 5)
        await stage.done(second)
        document = await stage.world.document(stage.session)
        assert document.state is SessionState.FINISHED
        first.go_online()
        await stage.until(lambda: first.link.delivery.is_delivered, what="the tail is delivered")
        document = await stage.world.document(stage.session)
        assert document.state is not SessionState.FINISHED, "it is reopened by what came"
        await stage.done(first)

    on_stage(act)


def test_the_window_shrinks_with_frames_in_flight() -> None:
    """120 s of credit were given while the backlog was long; credit once given is never called too much."""

    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.go_offline()
        recorder.record()
        await recorded(stage, recorder, 110)
        recorder.go_online()
        await stage.until(
            lambda: recorder.link.delivery.send_until - recorder.link.delivery.covered > samples(100)
        )
        await stage.until(lambda: recorder.link.delivery.undelivered < samples(10), what="caught up")
        delivery = recorder.link.delivery
        assert delivery.send_until - delivery.covered <= samples(120)
        assert recorder.dials <= 8
        await stage.done(recorder)

    on_stage(act, engine_faults=Faults(slow=0.1))


def test_a_hello_delayed_by_seconds_displaces_nobody() -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        await recorded(stage, recorder, 3)
        assert recorder.wire is not None
        recorder.wire.cut()
        await stage.until(lambda: recorder.link.phase is Phase.DIALLING)
        slow = recorder.wire
        slow.up.delay_ms = 4_000
        await stage.until(lambda: recorder.link.phase is Phase.GREETING)
        # The page gives it up, as when the network changes; its hello is still on the way.
        slow.vanish()
        slow.release()
        recorder.wire = None
        recorder.lose()
        await stage.until(lambda: recorder.link.phase is Phase.LIVE)
        dials = recorder.dials
        await stage.sleep(8)
        assert (recorder.link.phase, recorder.dials) == (Phase.LIVE, dials)
        await stage.done(recorder)

    on_stage(act)


def test_a_stuck_connection_asks_for_the_lease_after_somebody_continued_elsewhere() -> None:
    async def act(stage: Stage) -> None:
        first, second = stage.recorder(), stage.recorder()
        first.record()
        await recorded(stage, first, 2)
        second.record()
        await stage.until(lambda: first.link.phase is Phase.STOPPED)
        first.hear(ContinueHere())
        await stage.until(lambda: first.link.phase is Phase.DIALLING)
        assert first.wire is not None
        stuck = first.wire
        stuck.hold()
        await stage.until(lambda: first.link.phase is Phase.WAITING, what="the stuck dial is given up")
        second.pause()
        second.record()
        await recorded(stage, second, 2)
        stuck.release()
        await stage.sleep(30)
        assert first.dials + second.dials <= 8, "they do not go on taking the session from each other"
        await stage.done(second)
        await stage.done(first)

    on_stage(act)


def test_the_lease_is_granted_and_the_reply_lost() -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        instance = stage.world.instances[0]
        assert instance is not None
        instance.store.next_writes(REPLY_LOST)
        recorder.record()
        await recorded(stage, recorder, 2)
        assert recorder.link.phase is Phase.LIVE
        assert recorder.dials == 1, "what was granted is found by reading"
        instance.store.next_writes(REPLY_LOST)
        assert recorder.wire is not None
        recorder.wire.cut()
        await recorded(stage, recorder, 3)
        assert recorder.link.phase is Phase.LIVE
        assert recorder.dials == 2
        await stage.done(recorder)

    on_stage(act)


def test_a_recorder_restarts_with_a_lower_clock() -> None:
    async def act(stage: Stage) -> None:
        before = stage.recorder(skew_ms=3_600_000)
        before.record()
        await recorded(stage, before, 6)
        await before.close()
        stage.recorders.clear()
        again = stage.recorder(take_id=before.link.take_id)
        again.record()
        await stage.until(lambda: again.link.phase is Phase.LIVE, what="it is admitted")
        assert again.link.dial > before.link.dial
        await recorded(stage, again, 8)
        await stage.done(again)

    on_stage(act)


def test_an_empty_gap_arrives_behind_covered() -> None:
    """A file streamed again begins at its start, and so does the gap its recorder declares there."""

    async def act(stage: Stage) -> None:
        before = stage.recorder()
        before.record()
        await recorded(stage, before, 6)
        await before.close()
        stage.recorders.clear()
        again = stage.recorder(take_id=before.link.take_id)
        again.miss(1_500)
        again.record()
        await recorded(stage, again, 8)
        await stage.done(again)
        gaps = [each.entry for each in await stage.world.log(stage.session) if isinstance(each.entry, Gap)]
        assert [gap.wall_ms for gap in gaps] == [1_500]
        assert gaps[0].span.start > samples(5)

    on_stage(act)


@pytest.mark.parametrize("instances", [1, 2])
def test_cuts_after_every_second_of_new_audio_with_a_late_engine(instances: int) -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.record()
        next_cut = samples(1)
        while recorder.tape.until < samples(90):
            await stage.sleep(0.1)
            if recorder.wire is not None and recorder.link.delivery.sent_until >= next_cut:
                next_cut = recorder.link.delivery.sent_until + samples(1)
                recorder.wire.cut()
        assert recorder.dials > 20
        await stage.done(recorder)

    on_stage(act, instances, Faults(delay_ms=2_500))


def test_a_black_hole_for_45_minutes_asks_nobody_to_sign_in() -> None:
    async def act(stage: Stage) -> None:
        recorder = stage.recorder()
        recorder.chunk_ms = 1_000
        recorder.record()
        await recorded(stage, recorder, 5)
        recorder.go_offline()
        await stage.sleep(45 * 60)
        assert recorder.link.phase is not Phase.STOPPED
        assert recorder.link.delivery.undelivered > samples(40 * 60)
        recorder.go_online()
        await stage.until(lambda: recorder.link.delivery.undelivered < samples(5), 120_000, "caught up")
        await stage.done(recorder)
        assert not any("stopped" in note for note in recorder.notes)

    on_stage(act)
