"""The polish service as its own process."""

from pathlib import Path

from shared.ports import RecordName
from shared.sealing import open_polished, unwrap_key
from tests.providers.gemini import Gemini
from tests.providers.gemini import running as gemini_running
from tests.unit.services.process import config_in, dictate, opened, running, until
from tests.unit.services.scene import SESSION

MODULE = "services.polish.main"


async def test_it_polishes_what_is_announced_and_stops_when_told(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    async with opened(config) as ports, running(MODULE, config) as service:
        await service.until_said("serving")
        stored = await dictate(ports, "aspirin seventy five milligrams", "well full stop")

        async def polished() -> bool:
            return await ports.store.record(SESSION, RecordName.POLISH) is not None

        await until(ports, polished)
        key = await unwrap_key(ports.kek, SESSION, stored.document.wrapped_key)
        rows = [open_polished(key, row) for row in await ports.store.polished(SESSION, 0, 10)]
        assert [row.text for row in rows] == ["Aspirin 75 mg", "Well."]
        code, took_s = await service.stop()
        assert (code, took_s < 2) == (0, True)
        assert "spirin" not in "".join(service.lines)
        assert await ports.letters.dead_letters(10) == []


async def test_it_polishes_by_gemini_where_that_is_chosen(tmp_path: Path) -> None:
    config, gemini = config_in(tmp_path), Gemini(edit=lambda text: f"{text}!")
    async with gemini_running(gemini) as url, opened(config) as ports:
        given = {"STENO_POLISHER": "gemini", "STENO_PROVIDER_URLS": f"gemini={url}"}
        async with running(MODULE, config, **given) as service:
            await service.until_said("serving")
            await dictate(ports, "aspirin seventy five milligrams")

            async def polished() -> bool:
                return await ports.store.record(SESSION, RecordName.POLISH) is not None

            await until(ports, polished)
            (row,) = await ports.store.polished(SESSION, 0, 10)
            assert (row.model, row.flags) == ("gemini-3.5-flash-lite", ())
            assert "spirin" not in "".join(service.lines)
    assert gemini.violations == []


async def test_a_mistake_in_the_set_up_is_one_line_and_exit_2(tmp_path: Path) -> None:
    async with running(MODULE, config_in(tmp_path), STENO_POLISHER="nobody") as service:
        assert service.process.stderr is not None
        said = (await service.process.stderr.read()).decode()
        assert await service.process.wait() == 2
        assert len(said.splitlines()) == 1
        assert "nobody" in said
