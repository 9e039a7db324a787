"""What may not differ between a text and its polished form: any word that counts, its place, and what a denial reaches.
Pure.

Whatever is not known to be the same is taken for a change: a wrong text that passes alters a patient's record, a good
one that is refused stays as the rules wrote it. So the words of both are compared one by one, in order; articles, "is",
"and", repeated words and ways of writing are all that may differ.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from services.polish.guard_reading import END, Reading, read
from services.polish.guard_words import DOSED, FORWARD, POSTPOSED, kind_of

_KINDS: Final = ("number", "unit", "negation", "side", "name", "words")
_DENIES_ANEW: Final = frozenset("no nor without deny".split())


def changed(text: str, polished: str, vocabulary: Sequence[str]) -> tuple[str, ...]:
    """The kinds of which `polished` says something else than `text`; nothing if it may stand."""
    before, after = read(text), read(polished)
    if before.atoms == after.atoms and before.bounds == after.bounds:
        return ()
    terms = _terms(vocabulary)
    mine, theirs = _by_kind(before.atoms, terms), _by_kind(after.atoms, terms)
    if before.atoms != after.atoms:
        return tuple(kind for kind in _KINDS if mine[kind] != theirs[kind]) or ("order",)
    if _reaches(before) != _reaches(after):
        return ("negation",)
    if _parts_figures(before, after):
        return ("number",)
    return ("order",) if _has_moved(before, after, frozenset(mine["name"])) else ()


# --- of which kind


Terms = dict[str, list[list[str]]]
"""Under the word that each begins with; a longer one stands before the shorter ones in it."""


def _terms(vocabulary: Sequence[str]) -> Terms:
    terms: Terms = {}
    for term in sorted((read(term).atoms for term in vocabulary), key=len, reverse=True):
        if term:
            terms.setdefault(term[0], []).append(term)
    return terms


def _by_kind(atoms: list[str], terms: Terms) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    at = 0
    while at < len(atoms):
        named = next((term for term in terms.get(atoms[at], ()) if atoms[at : at + len(term)] == term), None)
        found = named or atoms[at : at + 1]
        kinds["name" if named else kind_of(atoms[at])] += found
        at += len(found)
    return kinds


# --- marks, where they may change what is said


def _reaches(reading: Reading) -> list[tuple[int, int]]:
    """How far each denial goes: "no fever. Cough" has one, "no fever, cough" perhaps none. With the words that stand
    behind what they are about, whether they begin a sentence."""
    reaches = [
        (at, _reach(reading, at)) if atom in FORWARD else (at, reading.bounds.get(at) == END)
        for at, atom in enumerate(reading.atoms)
        if atom in FORWARD or atom in POSTPOSED
    ]
    return [(at, int(reach)) for at, reach in reaches]


def _reach(reading: Reading, at: int) -> int:
    if at + 1 in reading.bounds:
        # "No, chest pain" answers.
        return at + 1
    for until in range(at + 2, len(reading.atoms)):
        if reading.bounds.get(until) == END or reading.atoms[until] in _DENIES_ANEW:
            return until
    return len(reading.atoms)


def _parts_figures(before: Reading, after: Reading) -> bool:
    """Whether two figures are joined or parted, or a dose or a frequency is parted from what it may be of: "aspirin 81 mg
    metoprolol" is not "aspirin, 81 mg metoprolol"."""
    atoms = [*before.atoms, "", ""]
    return any(
        (atoms[at - 1][0].isdecimal() and atoms[at][0].isdecimal())
        or (at in after.bounds and (kind_of(atoms[at]) == "unit" or _is_dose(atoms[at], atoms[at + 1])))
        for at in before.bounds.keys() ^ after.bounds.keys()
    )


def _is_dose(figure: str, unit: str) -> bool:
    return figure[0].isdecimal() and unit in DOSED


def _has_moved(before: Reading, after: Reading, names: frozenset[str]) -> bool:
    """Whether a mark went from one side of something that matters to the other: "pain left, hip well" is not "pain,
    left hip well"."""
    differing = sorted(before.bounds.keys() ^ after.bounds.keys())
    common = before.bounds.keys() & after.bounds.keys()
    return any(
        (one in before.bounds) != (other in before.bounds)
        and not any(at in common for at in range(one, other))
        and any(kind_of(atom) != "words" or atom in names for atom in before.atoms[one:other])
        for one, other in pairwise(differing)
    )
