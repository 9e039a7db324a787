"""How long polish may take over one session, on a clock that runs by itself."""

from services.polish.handler import PolishHandler
from services.polish.polishers.offline import RulesPolisher
from shared.domain.values import SessionId
from shared.lease import ATTEMPT_MS_MAX
from tests.doubles.memory import MemoryStore
from tests.flow.virtual_time import VirtualClock, run
from tests.unit.services.scene import SESSION, Scene, words


class LongSessions(MemoryStore):
    """Erasing takes longer than any one call may: a call for each page of a long log."""

    async def erase(self, session: SessionId) -> int:
        await VirtualClock().sleep_ms(3 * ATTEMPT_MS_MAX)
        return await super().erase(session)


def test_what_was_written_beside_a_tombstone_is_removed_however_long_that_takes() -> None:
    async def story() -> None:
        scene = Scene()
        scene.memory = scene.store = LongSessions()
        await scene.begin()
        await scene.log(words("one", 0))
        handler = PolishHandler(scene.store, scene.bus, scene.kek, RulesPolisher())
        await handler.handle(SESSION)
        await scene.delete()
        await handler.handle(SESSION)
        assert await scene.everything_of() == []

    run(story())
