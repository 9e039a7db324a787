"""The polisher that needs nobody."""

from services.polish.polishers.base import Answer, Polisher
from services.polish.polishers.offline import RulesPolisher
from shared.domain.session import SessionConfig


async def test_it_polishes_by_the_sessions_own_words() -> None:
    polisher: Polisher = RulesPolisher()
    config = SessionConfig(vocabulary=("HUMIRA",), macros=(("well", "All well."),))
    answer = await polisher.polish("humira forty milligrams full stop macro well macro ill", config)
    assert answer == Answer("HUMIRA 40 mg. All well. Macro ill", ("unknown_macro",))
    assert (polisher.model, polisher.prompt_version) == ("rules", "1")
    await polisher.close()


async def test_an_answer_never_shows_its_words() -> None:
    assert "milligrams" not in repr(await RulesPolisher().polish("one two milligrams", SessionConfig()))
