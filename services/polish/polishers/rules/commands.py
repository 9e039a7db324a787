"""Spoken punctuation and layout become marks, breaks and headings. Pure.

A command that may also be meant as said is taken for one only where nothing speaks against it: "the colon", "a two week
period" and "a new line was sited" stay; "dash" is a diet and a score as well, and is none at all. The engine's own marks beside a command give way to it: "clear, full stop." has
one full stop.

    full stop · comma · semicolon · colon (after a heading or "as follows") · question mark · exclamation mark
    period (alone in its sentence, or before a layout command)
    open/close bracket, parenthesis, quote · hyphen · forward slash
    new line · new paragraph · next paragraph · bullet point · heading NAME (a name of HEADINGS)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.polish.polishers.rules.tokens import (
    LINE,
    PARAGRAPH,
    Kind,
    Token,
    is_mark,
    matches,
    spoken,
    starts_sentence,
    word_before,
)

DETERMINERS: Final = frozenset(
    "a an the this that these those his her my our their your its each every another any no first last".split()
)

HEADINGS: Final = tuple(
    tuple(name.split())
    for name in (
        "allergies,assessment,background,clinical findings,comments,conclusion,current medications,diagnosis,"
        "differential diagnosis,discussion,drug history,examination,family history,findings,follow up,"
        "history,history of presenting complaint,history of present illness,impression,indication,"
        "investigations,management,medical history,medication,medications,objective,observations,"
        "on examination,opinion,past history,past medical history,past surgical history,physical examination,"
        "plan,presenting complaint,procedure,recommendation,recommendations,results,review of systems,"
        "social history,subjective,summary,technique,treatment,vital signs"
    ).split(",")
)

_COLON_NOUNS: Final = frozenset(
    "adenocarcinoma adenoma adenomas biopsy biopsies bleed bleeding bypass cancer cancers carcinoma cleansing contrast"
    " ct dilatation disease distension diverticula diverticulitis diverticulosis dysplasia flexure haemorrhage"
    " hyperplasia imaging injury investigation ischaemia ischemia issues lesion lesions malignancy mass metastases"
    " mucosa neoplasm obstruction operation pathology perforation polyp polypectomy polyps prep preparation problems"
    " removal removed resection screening spasm specimen stent stricture surgery symptoms transit trouble tumor"
    " tumors tumour tumours ulcer wall is was are were has had appears looks and or".split()
)
"""What "colon" is part of: after "history", "colon cancer" is an illness and no heading."""

_NOT_A_FULL_STOP: Final = DETERMINERS | frozenset(
    "of menstrual neonatal perinatal antenatal postnatal postpartum postoperative post-operative perioperative"
    " intraoperative preoperative time trial study incubation latent refractory recovery observation follow-up"
    " washout induction rest long short brief prolonged similar same whole entire minute hour day week month year"
    " minutes hours days weeks months years per refractory late early safety notice heavy painful irregular".split()
)

_LINE_VERBS: Final = frozenset(
    "was is has had were will inserted placed sited required needed in into via for infection of treatment"
    " therapy agent drug option".split()
)
"""After "new line" these speak of a cannula or a drug."""

_LINE_BEFORE: Final = DETERMINERS | frozenset(
    "inserted placed sited changed needs need needed requires require required had has have with for via through"
    " into from central arterial femoral jugular subclavian peripheral picc iv venous".split()
)
"""So do these before it."""

_QUOTED_MAX: Final = 64
_SENTENCE_MAX: Final = 64
"""How far is looked for the other end of a quotation, or the start of a question: engines may repeat words for ever."""

_QUESTIONS: Final = frozenset(
    "is are was were am do does did has have had can could will would should shall may might what when where why"
    " who whom whose which how".split()
)


@dataclass(frozen=True, slots=True)
class _Found:
    """A command in place: what is written for it, and where the words after it begin."""

    written: tuple[Token, ...]
    until: int


Rule = Callable[[Sequence[Token], int, int], bool]
"""Whether the phrase at `at..until` is meant as a command."""


def apply_commands(tokens: Sequence[Token]) -> list[Token]:
    done: list[Token] = []
    at = 0
    while at < len(tokens):
        found = _find(tokens, at)
        if found is None:
            done.append(tokens[at])
            at += 1
            continue
        _drop_engine_marks(done, found.written[0])
        done += found.written
        at = found.until
        while is_mark(tokens, at, _absorbed_after(found.written[-1])):
            at += 1
    return done


def _find(tokens: Sequence[Token], at: int) -> _Found | None:
    if not tokens[at].spoken:
        return None
    for phrase, command in _COMMANDS.get(tokens[at].spoken, ()):
        until = at + len(phrase)
        if matches(tokens, at, phrase) and command.meant(tokens, at, until):
            return _Found(command.written, until)
    return _question_mark(tokens, at) or _heading(tokens, at)


# --- the engine's own marks


def _drop_engine_marks(done: list[Token], written: Token) -> None:
    """What the engine put before the command, as far as the command says it better; what was spoken stays."""
    dropped = ".,;:?!" if written.kind is Kind.MARK and not written.glues else ","
    while is_mark(done, len(done) - 1, dropped) and not done[-1].fixed:
        done.pop()


def _absorbed_after(written: Token) -> str:
    return "," if written.text in (")", '"') and not written.glues else ".,;:?!"


# --- tables


@dataclass(frozen=True, slots=True)
class _Command:
    written: tuple[Token, ...]
    meant: Rule


def _plainly(tokens: Sequence[Token], at: int, until: int) -> bool:
    return word_before(tokens, at) not in DETERMINERS


def _as_stop(tokens: Sequence[Token], at: int, until: int) -> bool:
    """ "came to a full stop" is none."""
    return _plainly(tokens, at, until) and word_before(tokens, at) not in ("to", "complete")


def _between_words(tokens: Sequence[Token], at: int, until: int) -> bool:
    beside = (*spoken(tokens, at - 1, 1), *spoken(tokens, until, 1))
    return all(beside) and _plainly(tokens, at, until)


def _as_full_stop(tokens: Sequence[Token], at: int, until: int) -> bool:
    before_ends = starts_sentence(tokens, at) or is_mark(tokens, at - 1, ",;")
    if at > 0 and before_ends and (until == len(tokens) or is_mark(tokens, until, ".")):
        return True
    return word_before(tokens, at) not in {*_NOT_A_FULL_STOP, ""} and _layout_follows(tokens, until)


def _as_colon(tokens: Sequence[Token], at: int, until: int) -> bool:
    if spoken(tokens, until, 1)[0] in _COLON_NOUNS:
        return False
    if word_before(tokens, at) in ("follows", "following"):
        return True
    return any(
        matches(tokens, at - len(name), name) and starts_sentence(tokens, at - len(name)) for name in HEADINGS
    )


def _as_line(tokens: Sequence[Token], at: int, until: int) -> bool:
    return word_before(tokens, at) not in _LINE_BEFORE and spoken(tokens, until, 1)[0] not in _LINE_VERBS


def _closes(tokens: Sequence[Token], at: int, until: int) -> bool:
    return any(token.spoken == "quote" for token in tokens[max(0, at - _QUOTED_MAX) : at])


def _opens(tokens: Sequence[Token], at: int, until: int) -> bool:
    return any(token.spoken == "unquote" for token in tokens[until : until + _QUOTED_MAX])


def _mark(text: str) -> tuple[Token, ...]:
    return (Token(text, Kind.MARK, glued=True, fixed=True),)


def _opening(text: str) -> tuple[Token, ...]:
    return (Token(text, Kind.MARK, glues=True, fixed=True),)


def _joint(text: str) -> tuple[Token, ...]:
    return (Token(text, Kind.MARK, glued=True, glues=True, fixed=True),)


_PHRASES: Final[Mapping[str, tuple[tuple[Token, ...], Rule]]] = {
    "full stop": (_mark("."), _as_stop),
    "comma": (_mark(","), _plainly),
    "semicolon": (_mark(";"), _plainly),
    "semi colon": (_mark(";"), _plainly),
    "semi-colon": (_mark(";"), _plainly),
    "exclamation mark": (_mark("!"), _plainly),
    "exclamation point": (_mark("!"), _plainly),
    "period": (_mark("."), _as_full_stop),
    "colon": (_mark(":"), _as_colon),
    "unquote": (_mark('"'), _closes),
    "quote": (_opening('"'), _opens),
    "hyphen": (_joint("-"), _between_words),
    "forward slash": (_joint("/"), _between_words),
    "new line": ((LINE,), _as_line),
    "next line": ((LINE,), _as_line),
    "newline": ((LINE,), _as_line),
    "new paragraph": ((PARAGRAPH,), _plainly),
    "next paragraph": ((PARAGRAPH,), _plainly),
    "bullet point": ((LINE, Token("-", fixed=True)), _plainly),
    "new bullet point": ((LINE, Token("-", fixed=True)), _plainly),
    **{
        f"{verb} {noun}": (written, _plainly)
        for noun, opened, closed in (
            ("bracket", "(", ")"),
            ("brackets", "(", ")"),
            ("paren", "(", ")"),
            ("parenthesis", "(", ")"),
            ("parentheses", "(", ")"),
            ("quote", '"', '"'),
            ("quotes", '"', '"'),
            ("quotation marks", '"', '"'),
            ("inverted commas", '"', '"'),
        )
        for verb, written in (("open", _opening(opened)), ("close", _mark(closed)))
    },
}


def _by_first_word() -> dict[str, list[tuple[tuple[str, ...], _Command]]]:
    """Longest phrases first, under the word they begin with."""
    table: dict[str, list[tuple[tuple[str, ...], _Command]]] = {}
    for phrase, (written, meant) in sorted(_PHRASES.items(), key=lambda each: -len(each[0].split())):
        parts = tuple(phrase.split())
        table.setdefault(parts[0], []).append((parts, _Command(written, meant)))
    return table


_COMMANDS: Final = _by_first_word()
_LAYOUT: Final = (("new", "line"), ("next", "line"), ("new", "paragraph"), ("next", "paragraph"))
_HEADING_CALLS: Final = (("heading",), ("new", "heading"), ("next", "heading"))


def _layout_follows(tokens: Sequence[Token], at: int) -> bool:
    if at < len(tokens) and tokens[at].kind is Kind.BREAK:
        return True
    return any(matches(tokens, at, phrase) for phrase in _LAYOUT) or _heading(tokens, at) is not None


# --- the two that depend on what they stand beside


def _question_mark(tokens: Sequence[Token], at: int) -> _Found | None:
    """At the end of a question "?"; before a diagnosis in doubt, as in "?pneumonia", it belongs to that."""
    if not matches(tokens, at, ("question", "mark")) or not _plainly(tokens, at, at + 2):
        return None
    until = at + 2
    if not spoken(tokens, until, 1)[0] or _layout_follows(tokens, until) or _asks(tokens, at):
        return _Found(_mark("?"), until)
    return _Found(_opening("?"), until)


def _asks(tokens: Sequence[Token], at: int) -> bool:
    start = at
    while not starts_sentence(tokens, start) and at - start < _SENTENCE_MAX:
        start -= 1
    return start < at and tokens[start].spoken in _QUESTIONS


def _heading(tokens: Sequence[Token], at: int) -> _Found | None:
    call = next((each for each in _HEADING_CALLS if matches(tokens, at, each)), None)
    if call is None:
        return None
    start = at + len(call)
    if is_mark(tokens, start, ",:"):
        start += 1
    names = [name for name in HEADINGS if matches(tokens, start, name)]
    if not names:
        return None
    name = max(names, key=len)
    until = start + len(name)
    if spoken(tokens, until, 1)[0] == "colon":
        until += 1
    title = Token(" ".join(name).capitalize(), fixed=True)
    return _Found((PARAGRAPH, title, *_mark(":"), LINE), until)
