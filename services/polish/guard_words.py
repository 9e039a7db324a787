"""The guard's tables: which writings are one word, which words are free, and which kind a word is of. Pure.

Only the first half decides what may pass. The second half names what was refused: a word that is in no table is held
all the same.
"""

import re
from typing import Final

from services.polish.polishers.rules.numbers import DIGITS, MULTIPLES, ORDINALS, TEENS, TENS, suffixed
from services.polish.polishers.rules.units import COUNTED, SHORT


def _to(word: str, forms: str) -> dict[str, str]:
    return dict.fromkeys(forms.split(), word)


# --- one word, written in several ways

_VERBS: Final = (
    "present report state describe complain say note feel look appear seem need want use live smoke drink take walk work"
    " sleep eat remain get know"
).split()
_TOLD: Final = "present report state describe complain note".split()
"""What was told, in which tense does not matter: "presented with" and "presents with"."""

REPORTING: Final = frozenset(_TOLD) | frozenset("say deny feel".split())

SAME: Final[dict[str, str]] = {
    **{word: str(value) for table in (DIGITS, TEENS, TENS) for word, value in table.items()},
    **{word: re.sub(r"(?<=\d)(?=\D)", " ", suffixed(value)) for word, value in ORDINALS.items()},
    **{form: short.casefold() for form, short in SHORT.items()},
    **{word: word.removesuffix("s") for word in COUNTED},
    **_to("microgram", "microgram micrograms mcg µg μg ug"),
    **_to("hour", "h hr hrs"),
    **_to("minute", "min mins"),
    **_to("sec", "sec secs seconds"),
    **_to("week", "wk wks"),
    **_to("month", "mth mths"),
    **_to("year", "yr yrs"),
    **_to("lb", "lb lbs pound pounds"),
    **{f"{verb}s": verb for verb in _VERBS},
    **{f"{verb.removesuffix('e')}ed": verb for verb in _TOLD},
    **_to("deny", "deny denies denied denying"),
    **_to("have", "have has"),
    **_to("do", "do does"),
    **_to("ok", "ok okay alright"),
    "°": "degree",
    "&": "and",
    "plus": "+",
    "\u00d7": "x",
    "doctor": "dr",
    "mister": "mr",
    "versus": "vs",
    "<": "less than",
    ">": "more than",
    "\u2264": "less than or equal to",
    "\u2265": "more than or equal to",
    "greater": "more",
    "its": "it",
    "hes": "he is",
    "shes": "she is",
    "thats": "that is",
}

CLASSES: Final = (
    "class|stage|grade|type|phase|factor|group|hepatitis|vitamin|influenza|flu|category|haemophilia|hemophilia|lead|plan"
    "|part|step|option|score|nyha|mobitz|child|immunoglobulin|protein|strep|ward|unit|bed|room|figo|asa|pugh"
)
"""After these a letter is a name: "hepatitis a" has no article, "type i" no person."""

HAPPENED: Final = "seen examined referred discharged brought".split()
"""Told without "was" as well."""

_ROMAN: Final = dict(zip("i ii iii iv v vi vii viii ix x".split(), range(1, 11), strict=True))
_SUBJECTS: Final = "(?:the )?(?:patient|he|she|it|they|we|i|have|had|report|present)"
_DAYS: Final = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"

PHRASES: Final = tuple(
    (re.compile(rf"(?<!\S)(?:{pattern})(?!\S)"), written)
    for pattern, written in (
        *((rf"({CLASSES}) {letters}", rf"\1 {value}") for letters, value in _ROMAN.items()),
        (rf"({CLASSES}) a", r"\1 A"),
        # "A little pain" is some, "little pain" hardly any.
        ("a (few|little|lot)", r"A \1"),
        (r"(\d\S*) out of(?= \d)", r"\1 /"),
        (r"(\d{2,3}) over(?= \d{2,3}(?:\s|$))", r"\1 /"),
        (r"(\d\S*) by(?= \d)", r"\1 x"),
        (r"(\d\S*) (?:degree )?(celsius|fahrenheit)", r"\1 \2"),
        (r"(\d\S*) (?:degree )?(?:c|centigrade)", r"\1 celsius"),
        (r"(\d\S*) (?:degree )?f", r"\1 fahrenheit"),
        ("per cent|percent", "%"),
        ("(?:a|an) (hour|day|week|month|year)", r"per \1"),
        ("(?:each|every) day", "daily"),
        # "2 hourly" is every other hour, and not twice in one.
        ("(once|twice|thrice|time) per day", r"\1 daily"),
        ("(once|twice|thrice|time) per week", r"\1 weekly"),
        ("can not", "cannot"),
        ("right away|straight away", "immediately"),
        ("all right", "ok"),
        ("(follow|check|work|set|x) (up|ray)", r"\1\2"),
        ("(non|pre|post|anti|multi|sub) ([^\\W\\d_]{2,})", r"\1\2"),
        (f"(?:was|were) ({'|'.join(HAPPENED)})", r"\1"),
        (f"on ({_DAYS})", r"\1"),
        ("there (?:is|are)", ";"),
        (f"but ({_SUBJECTS})", r"; \1"),
        (f", (?:and )?({_SUBJECTS})", r"; \1"),
    )
)
"""Rewritten in this order, over words with one space between them; "A" is a letter that is no article."""

ARTICLES: Final = frozenset("a an the".split())
IS: Final = frozenset("is are".split())

FORWARD: Final = frozenset(
    "no not never nor neither none without cannot deny unable refuse refuses refused decline declines declined lack lacks"
    " avoid avoids fail fails failed doubt".split()
)
"""Denials of what comes after them, up to the end of their sentence."""

POSTPOSED: Final = frozenset("negative positive absent present none nil".split())
"""Said behind what they are about: "swab negative"."""

# --- what kind a word is of: names what was refused

_NUMBERS: Final = frozenset(
    "million half quarter once twice thrice double triple single dozen minus point couple few several pair less more than"
    " fewer above below least most exceeding january february march april june"
    " july august september october november december today tomorrow yesterday tonight".split()
) | frozenset((*MULTIPLES, *_DAYS.split("|"), *_ROMAN)) - {"i"}
_NUMBER_MARKS: Final = frozenset("<>\u2264\u2265\u00b1+/:^x~=\u2248\u2212'\"")

_UNITS: Final = frozenset(SAME[form] for form in (*SHORT, *COUNTED)) | frozenset(
    "microgram hour minute sec week month year lb mmhg bpm kpa iu u mu miu meq mol micromol umol nmol pmol fmol celsius"
    " fahrenheit degree hz khz kcal kj cc dl fl ng pg fg oz ft gy cgy mgy mv msv ma mci bq daily nightly hourly weekly"
    " monthly yearly fortnight fortnightly morning evening afternoon night noon midnight bedtime mealtimes meals breakfast"
    " lunch dinner am pm od bd bid tds tid qds qid qd qod eod qhs qam qpm hs ac pc q prn stat mane nocte per every other"
    " alternate alternately teaspoon teaspoons tablespoon tablespoons pill pills po iv im sc sl pr pv orally intravenous"
    " intravenously intramuscular subcutaneous sublingual rectally topically inhaled".split()
)
_DENIALS: Final = (
    FORWARD
    | POSTPOSED
    | frozenset(
        "? non free un negatives positives absence presence unremarkable remarkable afebrile febrile symptomatic"
        " asymptomatic normal abnormal stable unstable resolved ruled rule out excluded unlikely likely possible possibly"
        " probable probably questionable question suspected maybe perhaps except nothing nobody nowhere able hardly rarely"
        " barely contraindicated indicated benign malignant increase increased decrease decreased start started stop"
        " stopped continue continued discontinue discontinued hold held accepts received".split()
    )
)
_SIDES: Final = frozenset(
    "both either unilateral unilat ipsilateral contralateral bilateral bilaterally bilat upper lower medial lateral"
    " anterior posterior proximal distal superior inferior dorsal ventral internal external radial ulnar cranial caudal"
    " flexion extension abduction adduction midline lt rt os od ou r l".split()
)
_SIDED: Final = re.compile(r"(?:left|right)\w*|[lr](?:uq|lq|ll|ul|ml|vef|ca|a|v|vot|bbb|ue|le|sb)")


def kind_of(atom: str) -> str:
    if atom[0].isdecimal() or atom in _NUMBERS or atom in _NUMBER_MARKS:
        return "number"
    if atom in _UNITS:
        return "unit"
    if atom in _DENIALS:
        return "negation"
    return "side" if atom in _SIDES or _SIDED.fullmatch(atom) else "words"


DOSED: Final = frozenset(
    "mg g kg microgram ml l unit iu tablet capsule puff drop dose spray patches vial ampoule mmol meq pill pills".split()
)
