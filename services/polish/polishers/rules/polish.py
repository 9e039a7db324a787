"""What the rules make of an utterance: one group after the other over the same words. Pure.

Nothing is added that was not said, and nothing goes but fillers, spoken commands and the engine's marks beside them.
Where a rule is unsure the words stay as they were said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.polish.polishers.rules.casing import write_acronyms, write_capitals
from services.polish.polishers.rules.commands import apply_commands
from services.polish.polishers.rules.fillers import remove_fillers
from services.polish.polishers.rules.quantities import write_quantities
from services.polish.polishers.rules.terms import expand_macros, spell_terms
from services.polish.polishers.rules.tokens import join, split


@dataclass(frozen=True, slots=True)
class Ruled:
    text: str = field(repr=False)
    flags: tuple[str, ...] = ()


def polish(text: str, vocabulary: Sequence[str], macros: Mapping[str, str], language: str) -> Ruled:
    """`language` as the session says it; rules beyond the session's own words are for English only."""
    tokens, macro_flags = expand_macros(split(text), macros)
    tokens = spell_terms(tokens, vocabulary)
    if language.replace("_", "-").partition("-")[0].casefold() != "en":
        return Ruled(join(tokens), macro_flags)
    tokens = apply_commands(remove_fillers(tokens))
    tokens, number_flags = write_quantities(write_acronyms(tokens))
    return Ruled(join(write_capitals(tokens)), (*macro_flags, *number_flags))
