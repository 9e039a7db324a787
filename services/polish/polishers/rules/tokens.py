"""Text as words, marks and breaks, so that rules can look at what stands beside a word. Pure.

`join(split(text))` is the text with its spaces evened out: what no rule touches stays as it was said.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final


class Kind(Enum):
    WORD = auto()
    MARK = auto()
    """Punctuation at an edge of a word."""
    BREAK = auto()
    """One or two newlines."""


@dataclass(frozen=True, slots=True)
class Token:
    text: str = field(repr=False)
    kind: Kind = Kind.WORD
    glued: bool = False
    """Nothing stands between it and what comes before it."""
    glues: bool = False
    """Nothing stands between it and what comes after it."""
    fixed: bool = False
    """Written as it is to be: no later rule reads or changes it."""
    spoken: str = field(init=False, repr=False)
    """What a rule may take it for: the word in lower case; nothing for marks and for what is fixed."""

    def __post_init__(self) -> None:
        # Kept, not computed: rules look at each word dozens of times.
        is_read = self.kind is Kind.WORD and not self.fixed
        object.__setattr__(self, "spoken", self.text.casefold() if is_read else "")


LINE: Final = Token("\n", Kind.BREAK)
PARAGRAPH: Final = Token("\n\n", Kind.BREAK)

SENTENCE_ENDS: Final = frozenset(".?!")

_PIECE: Final = re.compile(r"\n+|[^\S\n]+|\S+")
_OPENING: Final = re.escape("\"'([{?\u201c\u2018")
_CLOSING: Final = re.escape(".,;:!?\"')]}\u201d\u2019\u2026")
_WORD: Final = re.compile(f"(?P<before>[{_OPENING}]*)(?P<word>.*?)(?P<after>[{_CLOSING}]*)", re.S)


def split(text: str) -> list[Token]:
    tokens: list[Token] = []
    for piece in _PIECE.findall(text):
        if piece.startswith("\n"):
            tokens.append(PARAGRAPH if len(piece) > 1 else LINE)
        elif not piece.isspace():
            tokens += _split_piece(piece)
    return tokens


def _split_piece(piece: str) -> list[Token]:
    found = _WORD.fullmatch(piece)
    assert found is not None, "the pattern takes anything"
    before, word, after = found["before"], found["word"], found["after"]
    if not word:
        return [Token(piece, fixed=True)]
    tokens = [Token(mark, Kind.MARK, glued=n > 0, glues=True) for n, mark in enumerate(before)]
    tokens.append(Token(word, glued=bool(before)))
    return tokens + [Token(mark, Kind.MARK, glued=True) for mark in after]


def join(tokens: Iterable[Token]) -> str:
    """The text; of several breaks in a row the widest counts."""
    written: list[str] = []
    last: Token | None = None
    for token in tokens:
        if token.kind is Kind.BREAK and last is not None and last.kind is Kind.BREAK:
            written[-1] = max(written[-1], token.text, key=len)
            continue
        if last is not None and _is_spaced(last, token):
            written.append(" ")
        written.append(token.text)
        last = token
    return "".join(written)


def _is_spaced(before: Token, after: Token) -> bool:
    return not (before.glues or after.glued or Kind.BREAK in (before.kind, after.kind))


def matches(tokens: Sequence[Token], at: int, phrase: Sequence[str]) -> bool:
    """Whether the words from `at` on are `phrase`, with nothing between them."""
    return tuple(spoken(tokens, at, len(phrase))) == tuple(phrase)


def spoken(tokens: Sequence[Token], at: int, count: int) -> list[str]:
    """The next `count` words from `at` on, or "" where there is none or a mark."""
    return [tokens[n].spoken if 0 <= n < len(tokens) else "" for n in range(at, at + count)]


def word_before(tokens: Sequence[Token], at: int) -> str:
    return spoken(tokens, at - 1, 1)[0]


def is_mark(tokens: Sequence[Token], at: int, marks: Iterable[str]) -> bool:
    return 0 <= at < len(tokens) and tokens[at].kind is Kind.MARK and tokens[at].text in marks


def starts_sentence(tokens: Sequence[Token], at: int) -> bool:
    """Whether a sentence begins with the token at `at`: nothing, a break or the end of another stands before it."""
    if at <= 0:
        return True
    before = tokens[at - 1]
    if before.kind is Kind.MARK:
        return before.text in SENTENCE_ENDS and not before.glues
    return before.kind is Kind.BREAK


def fixed(text: str, place: Token | None = None) -> Token:
    """A word as it is to be, spaced as what stood in its place."""
    return Token(text, glued=place is not None and place.glued, fixed=True)
