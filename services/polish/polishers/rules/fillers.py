"""Sounds of thinking go; nothing else does. Pure.

"mm" is a unit and "ER" a place, so neither is here, nor are words that may carry meaning ("like", "you know").
"""

from collections.abc import Sequence
from typing import Final

from services.polish.polishers.rules.tokens import Token, is_mark, spoken, starts_sentence

FILLERS: Final = frozenset({"um", "umm", "uhm", "uh", "uhh", "erm", "errm", "hmm"})

ANSWERS: Final = frozenset({"uh", "huh", "hmm"})
"""Beside another of these it is an answer: "uh huh" is yes, "uh uh" no."""


def remove_fillers(tokens: Sequence[Token]) -> list[Token]:
    kept: list[Token] = []
    at = 0
    while at < len(tokens):
        if not _is_filler(tokens, at):
            kept.append(tokens[at])
            at += 1
            continue
        at += 1
        # Of the commas around it one stays, unless nothing stands before it that the comma could follow: without it
        # "asthma, um, eczema" would become one thing.
        begins = starts_sentence(kept, len(kept))
        while is_mark(tokens, at, ",") and (begins or is_mark(kept, len(kept) - 1, ",")):
            at += 1
        if is_mark(tokens, at, ".?!") and is_mark(kept, len(kept) - 1, ","):
            kept.pop()
        if begins and is_mark(tokens, at, ".?!"):
            # It was a sentence of its own.
            at += 1
    return kept


def _is_filler(tokens: Sequence[Token], at: int) -> bool:
    word = tokens[at].spoken
    # "ERM" is a membrane of the eye.
    if len(word) > 1 and tokens[at].text.isupper():
        return False
    beside = {*spoken(tokens, at - 1, 1), *spoken(tokens, at + 1, 1)}
    return word in FILLERS and not (word in ANSWERS and beside & ANSWERS)
