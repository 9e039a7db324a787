"""What may not differ between a text and its polished form: numbers, units, denials, sides, and names. Pure.

Each kind is compared in the order of the text: two doses that change places would be equal as collections. It rather
refuses a good text than passes a bad one; what it refuses is kept as the rules wrote it.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from services.polish.polishers.rules.numbers import DIGITS, MULTIPLES, ORDINALS, TEENS, TENS
from services.polish.polishers.rules.quantities import write_quantities
from services.polish.polishers.rules.tokens import join, split
from services.polish.polishers.rules.units import COUNTED, SHORT

_PIECE: Final = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[%°<>\u2264\u2265\u00b1+/:\u2212-]")
_GROUPED: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_MINUS: Final = re.compile(r"(?:(?<=\s)|^)[-\u2212](?=\d)")
_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u2032": "'"})
_SHORT_NOT: Final = re.compile(r"\b(\w+)n't\b")

_FIGURES: Final = {
    **{word: str(value) for table in (DIGITS, TEENS, TENS) for word, value in table.items()},
    **{word: word for word in (*MULTIPLES, "million", "half", "quarter", "third", "once", "twice", "thrice")},
    **{word: word for word in ("double", "triple", "single", "dozen", "minus", "plus", "point")},
    **{word: word for word in ORDINALS},
}
_NUMBER_MARKS: Final = frozenset("<>\u2264\u2265\u00b1")

_UNITS: Final = {
    **{form: short.casefold() for form, short in SHORT.items()},
    **{short.casefold(): short.casefold() for short in SHORT.values()},
    **{word: word.removesuffix("s") for word in COUNTED},
    **dict.fromkeys(("mcg", "µg", "μg", "ug"), "microgram"),
    **{
        word: word
        for word in "mmhg bpm kpa iu meq mol micromol nmol celsius fahrenheit hz kcal cc dl".split()
    },
    **{
        word: word for word in "daily nightly hourly weekly monthly yearly morning evening night noon".split()
    },
    **{word: word for word in "od bd bid tds tid qds qid prn stat mane nocte per".split()},
}

_DENIALS: Final = {
    **{word: word for word in "no not never none nor neither without nil non free cannot un".split()},
    **dict.fromkeys("deny denies denied denying".split(), "deny"),
    **dict.fromkeys("negative negatives".split(), "negative"),
    **{word: word for word in "positive absent absence present unremarkable afebrile febrile".split()},
    **{word: word for word in "symptomatic asymptomatic normal abnormal stable unstable".split()},
    **{word: word for word in "resolved ruled excluded unlikely likely possible except but".split()},
}
_SIDES: Final = {
    **{word: word for word in "left right both unilateral ipsilateral contralateral".split()},
    **dict.fromkeys("bilateral bilaterally".split(), "bilateral"),
    **{word: word for word in "upper lower medial lateral anterior posterior proximal distal".split()},
    **{word: word for word in "superior inferior dorsal ventral".split()},
}


def changed(text: str, polished: str, vocabulary: Sequence[str]) -> tuple[str, ...]:
    """The kinds of which `polished` says something else than `text`; nothing if it may stand."""
    before, after = _pieces(text), _pieces(polished)
    kinds: tuple[tuple[str, Callable[[list[str]], list[str]]], ...] = (
        ("number", _numbers),
        ("unit", lambda pieces: _named(pieces, _UNITS)),
        ("negation", lambda pieces: _named(pieces, _DENIALS)),
        ("side", lambda pieces: _named(pieces, _SIDES)),
        ("name", lambda pieces: _names(pieces, vocabulary)),
    )
    return tuple(kind for kind, read in kinds if read(before) != read(after))


def _pieces(text: str) -> list[str]:
    """Words, figures and marks, numbers and units written as the rules write them, so that both sides read alike."""
    tokens, _ = write_quantities(split(_MINUS.sub("minus ", text.translate(_APOSTROPHES))))
    written = join(tokens).casefold().replace("can't", "cannot").replace("won't", "will not")
    return _PIECE.findall(_SHORT_NOT.sub(r"\1 not", written))


def _numbers(pieces: list[str]) -> list[str]:
    return [
        piece.replace(",", "") if _GROUPED.fullmatch(piece) else _FIGURES.get(piece, piece)
        for n, piece in enumerate(pieces)
        if piece[0].isdecimal() or piece in _FIGURES or piece in _NUMBER_MARKS or _joins(pieces, n)
    ]


def _joins(pieces: list[str], at: int) -> bool:
    """Whether the mark there makes one figure of two: 120/80 is not 120, 80."""
    beside = pieces[at - 1 : at] + pieces[at + 1 : at + 2]
    return pieces[at] in "/:" and len(beside) == 2 and all(piece[0].isdecimal() for piece in beside)


def _named(pieces: list[str], names: dict[str, str]) -> list[str]:
    return [names[piece] for piece in pieces if piece in names]


def _names(pieces: list[str], vocabulary: Sequence[str]) -> list[str]:
    """The vocabulary's terms in the order of the text; a longer one stands before the shorter ones in it."""
    terms = {tuple(_PIECE.findall(term.casefold())) for term in vocabulary} - {()}
    longest_first = sorted(terms, key=lambda term: (-len(term), term))
    return [
        " ".join(term)
        for n in range(len(pieces))
        for term in longest_first
        if tuple(pieces[n : n + len(term)]) == term
    ]
