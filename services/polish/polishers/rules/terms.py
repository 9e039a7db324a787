"""The words of the session itself: its macros expand, and its vocabulary is spelt as given. Pure.

A macro is called by "macro NAME" or "insert macro NAME", the name as the session spells it, in any case. The word
"macro" is what makes it safe: "insert" alone, or a name alone, may be meant as said. An unknown name stays as it was
said, and is flagged.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from services.polish.polishers.rules.tokens import Token, is_mark, spoken

UNKNOWN_MACRO: Final = "unknown_macro"

_PARTS: Final = re.compile(r"[^\W_]+")

_PLAIN: Final = re.compile(r"[\w'\u2019.-]+")
"""Of a word with other signs, those may be what matters: ">100" is not "100"."""


def expand_macros(tokens: Sequence[Token], macros: Mapping[str, str]) -> tuple[list[Token], tuple[str, ...]]:
    """The tokens with every macro's text in the place of its call, and flags."""
    names = {tuple(name.casefold().split()): text for name, text in macros.items() if name.strip()}
    longest_first = sorted(names, key=len, reverse=True)
    done: list[Token] = []
    flags: tuple[str, ...] = ()
    at = 0
    while at < len(tokens):
        if tokens[at].spoken != "macro" or not names:
            done.append(tokens[at])
            at += 1
            continue
        name = next((each for each in longest_first if _is_called(tokens, at + 1, each)), None)
        if name is None:
            flags = (UNKNOWN_MACRO,)
            done.append(tokens[at])
            at += 1
            continue
        if done and done[-1].spoken == "insert":
            done.pop()
        done.append(Token(names[name].strip(), fixed=True))
        at += 1 + len(name)
        # The engine ended its sentence; so does the macro, if it is one.
        if done[-1].text[-1:] in (".", "?", "!", ":") and is_mark(tokens, at, ".,"):
            at += 1
    return done, flags


def _is_called(tokens: Sequence[Token], at: int, name: tuple[str, ...]) -> bool:
    return tuple(spoken(tokens, at, len(name))) == name


def spell_terms(tokens: Sequence[Token], vocabulary: Sequence[str]) -> list[Token]:
    """Every term of the vocabulary as it is spelt there, however the engine wrote its letters, spaces and hyphens."""
    terms = {tuple(_parts(term)): term.strip() for term in vocabulary if _parts(term)}
    longest = max((len(parts) for parts in terms), default=0)
    done: list[Token] = []
    at = 0
    while at < len(tokens):
        until, term = _longest_term(tokens, at, terms, longest)
        if term is None:
            done.append(tokens[at])
            at += 1
        else:
            done.append(Token(term, glued=tokens[at].glued, fixed=True))
            at = until
    return done


def _longest_term(
    tokens: Sequence[Token], at: int, terms: Mapping[tuple[str, ...], str], longest: int
) -> tuple[int, str | None]:
    heard: tuple[str, ...] = ()
    best: tuple[int, str | None] = (at, None)
    until = at
    while until < len(tokens) and len(heard) < longest:
        token = tokens[until]
        if not token.spoken or not _PLAIN.fullmatch(token.text) or not _parts(token.text):
            break
        heard += tuple(_parts(token.text))
        until += 1
        if heard in terms:
            best = (until, terms[heard])
    return best


def _parts(text: str) -> list[str]:
    return _PARTS.findall(text.casefold())
