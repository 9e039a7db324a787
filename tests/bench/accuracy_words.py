"""Which words are the same, and how many are wrong: after Whisper's own normaliser, as published error rates are."""

import re

import jiwer
from whisper_normalizer.english import EnglishTextNormalizer

UNITS = {"mg": "milligrams", "milligram": "milligrams", "mcg": "micrograms", "microgram": "micrograms"}
_normalise = EnglishTextNormalizer()


def fold(text: str) -> str:
    """Spellings of the same words made one: numbers, contractions and units are not errors of hearing."""
    text = re.sub(r"(\d+)\s*/\s*(\d+)", r"\1 over \2", text)
    words = _normalise(text).replace("%", " percent").split()
    return " ".join(UNITS.get(word, word) for word in words)


def errors(text: str, reference: str) -> int:
    found = jiwer.process_words(fold(reference), fold(text))
    return found.substitutions + found.deletions + found.insertions
