"""A text as the guard compares it: its words in order, however they are written, and where its parts end. Pure.

What is dropped here may change unseen, so little is: articles, "is", "and", a word said twice, marks that join and end.
Any other sign, a zero-width one too, is a word of its own.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from services.polish.guard_words import (
    ARTICLES,
    FORWARD,
    HAPPENED,
    IS,
    PHRASES,
    REPORTING,
    SAME,
    kind_of,
)
from services.polish.polishers.rules.fillers import remove_fillers
from services.polish.polishers.rules.quantities import write_quantities
from services.polish.polishers.rules.tokens import join, split

REPEATED_MAX: Final = 4
"""Words that may be said twice in a row, and be written once."""

END: Final = ";"
PAUSE: Final = ","
_MARKS: Final = {
    **dict.fromkeys((".", ";", "!", "\n"), END),
    **dict.fromkeys((*",:()[]", "\u2013", "\u2014"), PAUSE),
}
_FREE: Final = frozenset("-\"'\u201c\u201d\u2018\u2026\u2022\u00ab\u00bb")

_PIECE: Final = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|\n|\S")
_GROUPED: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_ASKING: Final = re.compile(
    r"(?:what|why|where|who|how|which)\b|"
    r"(?:is|are|was|were|do|did|can|could|will|would|should|have|had) (?:he|she|it|they|we|i|you|the|this|that)\b"
)
"""A sentence that begins like this is a question without its mark; "has pneumonia?" is none."""

_AS_TYPED: Final = str.maketrans(
    {
        "\u2019": "'",
        "\u02bc": "'",
        "\u2032": "'",
        "\u2033": '"',
        "\u00ba": "°",
        "\u02da": "°",
        "\u2010": "-",
        "\u2011": "-",
    }
)

_SIGNS: Final = (
    # Before capitals go: of units, a mega is no milli and a molar no metre; "pt" is a patient, "PT" a clotting time.
    (re.compile(r"(?<=\d)( ?)M(?=(?:g|Hz|Bq|eV|V|W|mol|Eq)\b)"), r"\1mega"),
    (re.compile(r"(?<=\d)( ?)([mnpu\u00b5\u03bc]?)M\b"), r"\1\2molar"),
    (re.compile(r"\b[Pp]t\b"), "patient"),
    (re.compile("\u2044"), "/"),
    (re.compile(r"(?<![\w.%°)\]])[-\u2212\u2013](?=\.?\d)"), " minus "),
    (re.compile(r"(?<![\w.])\.(?=\d)"), "0."),
    (re.compile(r"(\d ?[^\W\d_]{0,4}[%°]?[^\W\d_]{0,2}) ?[-\u2013\u2014] ?(?=\d)"), r"\1 to "),
    # Of a blood group, or of a finding: "O-", "2-".
    (re.compile(r"(?<=\w)-(?=[\s.,;:)]|$)"), " minus"),
    (re.compile(r"(?<=[A-Za-z])\^(?=\d)"), ""),
    (re.compile(r"(?i)\b(?:one|a|1)[- ]half\b(?! past)"), "1/2"),
    (re.compile(r"(?i)\band 1/2"), "1/2"),
    (re.compile(r"(?i)\bhalf an? "), "1/2 "),
    (re.compile(r"(?i)\band/or\b"), "and or"),
    (re.compile(r"(?<=\s)-(?=\s)"), "\u2013"),
)
_SPELLINGS: Final = (
    (re.compile(r"\bcan(?:'t|t\b)"), "cannot"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\b(\w+)n't\b"), r"\1 not"),
    (re.compile(r"\b(do|does|did|is|are|was|were|has|have|had|could|would|should)nt\b"), r"\1 not"),
    (re.compile(r"\b(he|she|it|that|there|what|who|here)'s\b"), r"\1 is"),
    (re.compile(r"\bi'm\b"), "i am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"(?<=[^\W\d_])'s\b"), "s"),
    (
        re.compile(r"\b(?:[^\W\d_]\.){2,}|\b(?:[^\W\d_]\.)+[^\W\d_]\b"),
        lambda found: found[0].replace(".", ""),
    ),
    (re.compile(r"\b(dr|mr|mrs|ms|prof|st|vs|approx)\."), r"\1"),
    # A letter of "A1c" is no article.
    (re.compile(r"\ba(?=\d)"), "A "),
)


@dataclass(slots=True)
class Reading:
    atoms: list[str] = field(default_factory=list, repr=False)
    """Words, figures and signs that count."""
    bounds: dict[int, str] = field(default_factory=dict, repr=False)
    """Before which atom a mark stands: END or PAUSE. None stands before the first or after the last."""


def read(text: str) -> Reading:
    words = " ".join(_words(_flat(text)))
    for phrase, written in PHRASES:
        words = phrase.sub(written, words)
    return _reading(words.split())


def _flat(text: str) -> str:
    """Lower case, each thing written one way. A raised figure is none of the number before it: 10⁶ is not 106."""
    text = "".join(_apart(sign) for sign in text.translate(_AS_TYPED))
    text = unicodedata.normalize("NFKC", text)
    for sign, written in _SIGNS:
        text = sign.sub(written, text)
    tokens, _ = write_quantities(remove_fillers(split(text)))
    text = join(tokens).casefold()
    for spelling, replaced in _SPELLINGS:
        text = spelling.sub(replaced, text)
    return text


def _apart(sign: str) -> str:
    if unicodedata.category(sign) != "No":
        return sign
    return f"{'^' if unicodedata.decomposition(sign).startswith('<super>') else ' '}{sign}"


def _words(text: str) -> list[str]:
    pieces = _PIECE.findall(text)
    words: list[str] = []
    begins = 0
    for n, piece in enumerate(pieces):
        if piece == "?":
            words += [END] if _ASKING.match(" ".join(words[begins : begins + 2])) else ["?", END]
        elif piece in ("/", ":") and _is_between_figures(pieces, n):
            words.append(piece)
        elif piece == "/":
            words.append("per")
        elif piece in _MARKS:
            words.append(_MARKS[piece])
        elif piece not in _FREE or (piece in "'\"" and n and pieces[n - 1][0].isdecimal()):
            words += _written(piece, words)
        if words and words[-1] == END:
            begins = len(words)
    return words


def _written(piece: str, words: list[str]) -> list[str]:
    if _GROUPED.fullmatch(piece):
        return [piece.replace(",", "")]
    if piece == "second" and words and words[-1][0].isdecimal():
        return ["sec"]
    return SAME.get(piece, piece).split()


def _is_between_figures(pieces: list[str], at: int) -> bool:
    """Whether the mark there makes one figure of two: 120/80 is not 120, 80."""
    beside = pieces[max(0, at - 1) : at] + pieces[at + 1 : at + 2]
    return len(beside) == 2 and all(piece[0].isdecimal() for piece in beside)


def _reading(words: list[str]) -> Reading:
    done = Reading()
    for n, word in enumerate(words):
        if word in (END, PAUSE):
            if done.atoms and done.bounds.get(len(done.atoms)) != END:
                done.bounds[len(done.atoms)] = word
        elif not _is_glue(words, n):
            is_counted = n > 0 and words[n - 1][0].isdecimal() and len(word) > 3 and kind_of(word) == "words"
            # The number says how many: "2 episode".
            done.atoms.append(word.removesuffix("s") if is_counted else word)
            _drop_repeated(done)
    done.bounds.pop(len(done.atoms), None)
    return done


def _is_glue(words: list[str], at: int) -> bool:
    word = words[at]
    before = words[at - 1] if at else END
    following = words[at + 1] if at + 1 < len(words) else END
    if word == "and":
        return not (before[0].isdecimal() and following[0].isdecimal())
    if word in IS:
        # At the start it asks: "is it pneumonia" says less than "it is pneumonia".
        return before != END and following not in HAPPENED
    if word == "of":
        return kind_of(before) == "unit" and at > 1 and words[at - 2][0].isdecimal()
    if word == "that":
        return before in REPORTING
    return word in ARTICLES or (word in ("so", "but") and before == END)


def _drop_repeated(reading: Reading) -> None:
    """Of words said twice in a row the second ones, unless they may be meant: numbers, letters that are spelt and "not"
    always are, and so is "no fever, fever yesterday"."""
    atoms, bounds = reading.atoms, reading.bounds
    until = len(atoms)
    for length in range(REPEATED_MAX, 0, -1):
        start = until - 2 * length
        again = atoms[until - length :]
        if start < 0 or atoms[start : until - length] != again:
            continue
        marks = {bounds[at] for at in range(start + 1, until) if at in bounds}
        is_stutter = all(
            atom.isalpha() and atom != "not" and (len(atom) > 1 or atom == "i") for atom in again
        )
        if marks:
            is_stutter &= END not in marks and all(kind_of(atom) == "words" for atom in again)
        if not is_stutter or _is_denied(reading, start):
            continue
        del atoms[until - length :]
        for at in range(until - length, until):
            bounds.pop(at, None)
        return


def _is_denied(reading: Reading, at: int) -> bool:
    """Whether a denial stands before that place in its sentence."""
    while at > 0 and reading.bounds.get(at) != END:
        at -= 1
        if reading.atoms[at] in FORWARD:
            return True
    return False
