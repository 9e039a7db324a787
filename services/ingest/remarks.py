"""What a reader should know of a polished text, from its flags, in a clinician's words. Pure.

`recorder/remarks.js` says the same on the page. Most flags are for those who run Steno and get no remark: that the rules
wrote a text is nothing to act on, and that a better one follows shows by itself.
"""

from collections.abc import Sequence
from typing import Final

_CHANGED: Final = "_changed_"
"""VENDOR_changed_KIND: the polished text said something else, so the guard kept the one before it."""

_KINDS: Final = {
    "number": "a number",
    "unit": "a unit",
    "negation": "a negation",
    "side": "a side",
    "name": "a name",
    "words": "the wording",
    "order": "what belongs to what",
}
_SOMETHING: Final = "something that matters"
"""A kind that only a newer polish knows."""

_AS_SAID: Final = {
    "number_as_said": "A number is left in words: it can be read in more than one way.",
    "unknown_macro": "A macro is left as spoken: this session has none of that name.",
}


def remark_on(flags: Sequence[str]) -> str:
    """Empty where there is nothing a person should look at."""
    changed = [kind for _, found, kind in (flag.partition(_CHANGED) for flag in flags) if found and kind]
    kinds = list(dict.fromkeys(_KINDS.get(kind, _SOMETHING) for kind in changed))
    kept = [f"Kept as dictated: the polished text changed {_listed(kinds)}."] if kinds else []
    return " ".join([*kept, *(sentence for flag, sentence in _AS_SAID.items() if flag in flags)])


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
