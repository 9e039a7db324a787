"""Capitals: the start of a sentence, "I", days and months, and abbreviations as clinicians write them. Pure.

Only words all in lower case are changed; an engine that wrote a capital, or "pH", had a reason.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from services.polish.polishers.rules.tokens import Kind, Token, is_mark, matches, spoken, starts_sentence

ACRONYMS: Final = frozenset(
    "abg adhd af bmi bnp bp bpm cbc ckd cns copd cpap cpr crp csf ct cva cxr dna dvt ecg eeg eeg egfr ekg emg esr"
    " fbc gcs gerd gi gp hdl hiv hrt ibs icu inr itu iv jvp ldl lft lfts lvef mri mrsa mscc msu nhs nkda nsaid"
    " nsaids nstemi pci pcr psa ptsd rbc rsv stemi svt tia tsh tsh u&e u&es uti wbc".split()
)
"""Abbreviations that are no words. "us", "it", "or", "im" and their like are missing on purpose."""

_IRREGULAR: Final[dict[str, str]] = {
    "egfr": "eGFR",
    "bpm": "bpm",
    "lfts": "LFTs",
    "nsaids": "NSAIDs",
    "u&es": "U&Es",
}

_SPELT_OUT: Final = (
    "abg bd bmi bp cbc copd cns cpap cpr crp ct cva cxr dvt ecg eeg ekg fbc gcs gp hr icu inr iv mri nkda nhs po"
    " prn psa qds rr tds tia tsh uti wbc"
).split()

_LETTERS: Final = {
    **{tuple(name): name.upper() for name in _SPELT_OUT},
    ("p", "h"): "pH",
    ("s", "p", "o", "two"): "SpO2",
    ("s", "p", "o2"): "SpO2",
    ("spo", "two"): "SpO2",
    ("f", "i", "o", "two"): "FiO2",
    ("fio", "two"): "FiO2",
    ("c", "o", "two"): "CO2",
    ("co", "two"): "CO2",
    ("h", "b", "a", "one", "c"): "HbA1c",
    ("hba", "one", "c"): "HbA1c",
    ("hba1c",): "HbA1c",
    ("spo2",): "SpO2",
    ("ph",): "pH",
}
_LONGEST: Final = max(len(letters) for letters in _LETTERS)

_OXYGEN: Final = frozenset("sat sats saturation saturations therapy via".split())

_NAMES: Final = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february april june july august september"
    " october november december".split()
)
""""march" and "may" are words as well; dates know better (quantities.py)."""

_PLAIN: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_ME: Final = re.compile(r"i['\u2019]")

_ABBREVIATED: Final = frozenset("dr mr mrs ms prof st vs approx e.g i.e eg ie".split())
"""A full stop after these ends no sentence."""


def write_acronyms(tokens: Sequence[Token]) -> list[Token]:
    """Before numbers are: the "two" of "O two" counts nothing."""
    done: list[Token] = []
    at = 0
    while at < len(tokens):
        length, text = _acronym(tokens, at)
        if text is None:
            done.append(tokens[at])
            at += 1
        else:
            done.append(replace(tokens[at], text=text, fixed=True))
            at += length
    return done


def _acronym(tokens: Sequence[Token], at: int) -> tuple[int, str | None]:
    token = tokens[at]
    if not token.spoken:
        return 1, None
    for length in range(_LONGEST, 0, -1):
        letters = tuple(spoken(tokens, at, length))
        # "PH" is an illness; "ph" is what an engine without capitals writes for the other.
        if letters in _LETTERS and (length > 1 or token.text == token.spoken):
            return length, _LETTERS[letters]
    if matches(tokens, at, ("o", "two")) and spoken(tokens, at + 2, 1)[0] in _OXYGEN:
        return 2, "O2"
    if token.text in ACRONYMS:
        return 1, _IRREGULAR.get(token.text, token.text.upper())
    return 1, None


def write_capitals(tokens: Sequence[Token]) -> list[Token]:
    done: list[Token] = []
    for at, token in enumerate(tokens):
        word = token.spoken
        if token.text != word or not _PLAIN.fullmatch(word):
            done.append(token)
        elif word == "i" or _ME.match(word) or word in _NAMES or _begins(tokens, at):
            done.append(replace(token, text=token.text[0].upper() + token.text[1:]))
        else:
            done.append(token)
    return done


def _begins(tokens: Sequence[Token], at: int) -> bool:
    """Whether a sentence begins here, also behind an opening bracket or the dash of a list."""
    while at > 0 and (tokens[at - 1].glues or _is_bullet(tokens, at - 1)):
        if tokens[at - 1].text == "?" or tokens[at - 1].glued:
            return False
        at -= 1
    if at >= 2 and is_mark(tokens, at - 1, ".") and tokens[at - 2].text.casefold() in _ABBREVIATED:
        return False
    if at >= 1 and tokens[at - 1].fixed:
        # A macro may end its own sentence.
        return tokens[at - 1].text[-1:] in (".", "?", "!", "\n")
    return starts_sentence(tokens, at)


def _is_bullet(tokens: Sequence[Token], at: int) -> bool:
    return tokens[at].text == "-" and (at == 0 or tokens[at - 1].kind is Kind.BREAK)
