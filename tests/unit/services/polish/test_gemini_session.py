"""A session polished by Gemini over a socket: whatever it does, no utterance is lost, and each is marked as it is."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from services.polish.handler import TRIES_MAX, PolishHandler
from services.polish.polishers.base import UPGRADE_DUE
from services.polish.polishers.gemini import MODELS, Access, GeminiPolisher
from services.polish.polishers.offline import RulesPolisher
from services.polish.polishers.standing_in import REST_MS_MAX, StandingIn
from shared.adapters.clocks import SystemClock
from shared.domain.entries import Polished
from shared.domain.session import SessionConfig
from shared.ports import RecordName
from shared.sealing import open_polished
from tests.providers.gemini import CHANGES, FAULTS, Gemini, running
from tests.unit.services.scene import SESSION, Scene, words

MODEL = "gemini-3.5-flash-lite"
FAILURES = FAULTS - CHANGES.keys()
LATER = sorted(FAILURES - {"safety", "recitation", "blocked", "odd-finish", "max-tokens", "bad-request"})
NEVER = sorted(FAILURES - set(LATER))


@asynccontextmanager
async def polishing(scene: Scene, gemini: Gemini) -> AsyncIterator[PolishHandler]:
    """By the scene's clock for resting, by the machine's for the deadline."""
    async with running(gemini) as url:
        vendor = GeminiPolisher(Access(key="k", url=url), MODELS[MODEL], 1_000, SystemClock())
        polisher = StandingIn(vendor, RulesPolisher(), scene.clock)
        try:
            yield PolishHandler(scene.store, scene.bus, scene.kek, polisher, scene.clock)
        finally:
            await polisher.close()
    assert gemini.violations == []


async def rows_of(scene: Scene) -> list[Polished]:
    key = await scene.key()
    return [open_polished(key, row) for row in await scene.store.polished(SESSION, 0, 1_000)]


def shown(rows: list[Polished]) -> dict[tuple[int, int], Polished]:
    """For the same entries the later row counts."""
    return {(row.first, row.last): row for row in rows}


async def test_every_failure_in_turn_loses_nothing_and_is_made_good_later() -> None:
    scene = Scene()
    await scene.begin()
    gemini = Gemini()
    faults = [*NEVER, *LATER]
    async with polishing(scene, gemini) as handler:
        for n, fault in enumerate(faults):
            await scene.log(words(f"aspirin {n} milligrams", n))
            gemini.faults, gemini.forever = [fault], True
            await handler.handle(SESSION)
            scene.clock.advance(REST_MS_MAX)
        stand_ins = shown(await rows_of(scene))
        assert [(first, last) for first, last in stand_ins] == [(n, n) for n in range(len(faults))]
        assert [row.model for row in stand_ins.values()] == ["rules"] * len(faults)
        due = [UPGRADE_DUE in row.flags for row in stand_ins.values()]
        assert due == [fault in LATER for fault in faults]
        gemini.faults = []
        for _ in range(len(faults) // 8 + 1):
            await handler.handle(SESSION)
        asked = len(gemini.documents)
        await handler.handle(SESSION)
        assert len(gemini.documents) == asked
    rows = await rows_of(scene)
    assert [row.index for row in rows] == list(range(len(rows)))
    polished = list(shown(rows).values())
    assert {(row.model, row.flags) for row in polished[len(NEVER) :]} == {(MODEL, ())}
    assert [row.text for row in polished] == [f"Aspirin {n} mg" for n in range(len(faults))]
    assert await scene.field(RecordName.POLISH, "upgraded") == len(rows)


async def test_an_utterance_that_always_fails_holds_up_no_other_and_is_settled_in_the_end() -> None:
    scene = Scene()
    await scene.begin()
    gemini = Gemini(["503"], forever=True, edit=lambda text: "" if "odd" in text else f"{text}.")
    async with polishing(scene, gemini) as handler:
        await scene.log(words("an odd cough", 0), words("one cough", 1), words("two coughs", 2))
        await handler.handle(SESSION)
        gemini.faults = []
        scene.clock.advance(REST_MS_MAX)
        for tries in range(1, TRIES_MAX + 1):
            assert UPGRADE_DUE in shown(await rows_of(scene))[0, 0].flags
            asked = len(gemini.documents)
            await handler.handle(SESSION)
            # A malformed answer is asked for twice within the deadline; the others are answered at once.
            assert len(gemini.documents) - asked == (4 if tries == 1 else 2)
            polished = shown(await rows_of(scene))
            assert [polished[n, n].flags for n in (1, 2)] == [(), ()]
        asked = len(gemini.documents)
        await handler.handle(SESSION)
        assert len(gemini.documents) == asked
    rows = await rows_of(scene)
    odd = shown(rows)[0, 0]
    assert (odd.text, odd.model, odd.flags) == ("An odd cough", "rules", ("gemini_malformed",))
    assert len(rows) == 3 + 2 + TRIES_MAX
    assert await scene.field(RecordName.POLISH, "upgraded") == len(rows)


async def test_the_words_after_an_utterance_that_always_fails_are_polished_at_once() -> None:
    scene = Scene()
    await scene.begin()
    async with polishing(scene, Gemini(edit=lambda text: "" if "odd" in text else f"{text}.")) as handler:
        await scene.log(words("an odd cough", 0))
        for n in range(1, 4):
            await handler.handle(SESSION)
            await scene.log(words("a cough", n))
        await handler.handle(SESSION)
    polished = shown(await rows_of(scene))
    assert [polished[n, n].flags for n in range(1, 4)] == [(), (), ()]


@pytest.mark.parametrize(
    ("said", "edit", "flag"),
    [
        ("ramipril five milligrams", lambda text: text.replace("5", "50"), "gemini_changed_number"),
        ("ramipril five milligrams", lambda text: text.replace("mg", "g"), "gemini_changed_unit"),
        ("no chest pain", lambda text: text.replace("No ", ""), "gemini_changed_negation"),
        ("left knee pain", lambda text: text.replace("Left", "Right"), "gemini_changed_side"),
        ("start ramipril", lambda text: text.replace("ramipril", "bisoprolol"), "gemini_changed_name"),
    ],
)
async def test_a_planted_change_is_kept_out_and_flagged(
    said: str, edit: Callable[[str], str], flag: str
) -> None:
    scene = Scene()
    config = SessionConfig(vocabulary=("ramipril", "bisoprolol"))
    await scene.begin(config)
    await scene.log(words(said, 0))
    async with polishing(scene, Gemini(edit=edit)) as handler:
        await handler.handle(SESSION)
        await handler.handle(SESSION)
    (row,) = await rows_of(scene)
    assert row.text == (await RulesPolisher().polish(said, config)).text
    assert row.model == "rules"
    assert flag in row.flags
    assert UPGRADE_DUE not in row.flags


async def test_changes_planted_in_every_answer_of_a_session_leave_every_word_as_it_was_said() -> None:
    scene = Scene()
    await scene.begin(SessionConfig())
    said = "no fever ramipril five milligrams for the left knee"
    await scene.log(*(words(said, n) for n in range(len(CHANGES))))
    gemini = Gemini(list(CHANGES))
    async with polishing(scene, gemini) as handler:
        await handler.handle(SESSION)
    rows = await rows_of(scene)
    ruled = (await RulesPolisher().polish(said, SessionConfig())).text
    assert ({each.text for each in rows}, len(rows)) == ({ruled}, len(CHANGES))
    assert all(any(flag.startswith("gemini_changed_") for flag in each.flags) for each in rows)


async def test_what_was_said_before_is_given_and_a_resting_vendor_is_not_asked() -> None:
    scene = Scene()
    await scene.begin()
    gemini = Gemini()
    async with polishing(scene, gemini) as handler:
        await scene.log(words("one cough", 0), words("two coughs", 1))
        await handler.handle(SESSION)
        await scene.log(words("three coughs", 2))
        await handler.handle(SESSION)
        assert [each["before"] for each in gemini.documents] == ["", "One cough", "One cough\nTwo coughs"]
        gemini.faults, gemini.forever = ["401"], True
        await scene.log(*(words("a cough", n) for n in range(3, 13)))
        await handler.handle(SESSION)
        assert len(gemini.documents) == 4
    assert len(await rows_of(scene)) == 13
