"""The autosave service as its own process: drafts, and the sweep."""

from pathlib import Path

from shared.domain.session import STALE_AFTER_MS, SessionState
from shared.ports import RecordName
from tests.unit.services.process import config_in, dictate, opened, running, until
from tests.unit.services.scene import SESSION

MODULE = "services.autosave.main"


async def test_it_saves_what_is_announced_and_sweeps_up_what_was_left(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    async with opened(config) as ports:
        await dictate(ports, "aspirin seventy five milligrams", heartbeat_age_ms=STALE_AFTER_MS)
        async with running(MODULE, config) as service:

            async def saved_and_swept() -> bool:
                draft = await ports.store.record(SESSION, RecordName.DRAFT)
                stored = await ports.store.load(SESSION)
                assert stored is not None
                return draft is not None and stored.document.state is SessionState.INTERRUPTED

            # Swept at the start; the draft follows from the wake-up of either.
            await service.until_said("put in order")
            await until(ports, saved_and_swept)
            code, took_s = await service.stop()
            assert (code, took_s < 2) == (0, True)
            assert "spirin" not in "".join(service.lines)
        draft = await ports.store.record(SESSION, RecordName.DRAFT)
        assert draft is not None
        assert (draft.fields["state"], draft.fields["through"]) == ("saved", 1)
        assert len(await ports.blobs.list(f"drafts/{SESSION}/")) == 2
        assert await ports.letters.dead_letters(10) == []


async def test_a_mistake_in_the_set_up_is_one_line_and_exit_2(tmp_path: Path) -> None:
    async with running(MODULE, config_in(tmp_path), STENO_BACKEND="cloud") as service:
        assert service.process.stderr is not None
        said = (await service.process.stderr.read()).decode()
        assert await service.process.wait() == 2
        assert len(said.splitlines()) == 1
        assert "cloud" in said
