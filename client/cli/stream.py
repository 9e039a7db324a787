"""`steno stream`: a recording goes into a session as if it were spoken, whatever the network does."""

import asyncio
import shlex
import signal
import sys
import time
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from client.addresses import parse_address
from client.cli.display import Display, JsonLines, Words
from client.cli.options import DEFAULT_URL, at_least, parse_session
from client.cli.terminal import (
    FINISHED_EXIT,
    GAPS_EXIT,
    GAVE_UP_EXIT,
    REFUSED_EXIT,
    UNSHOWN_EXIT,
    USAGE_EXIT,
    console,
    forget_output,
    minutes,
    one_line,
    printable,
    say,
)
from client.result import Outcome, Result
from client.wanted import GIVE_UP_AFTER_MS, Wanted
from shared.domain.values import SessionId, samples
from shared.errors import SetupError
from shared.tasks import together

if TYPE_CHECKING:
    from client.audio import Measured
    from client.stream import Recorder

LABEL_CHARACTERS_MAX: Final = 200
TICK_S: Final = 0.2
TAKEN: Final = 4409
SLOW_S: Final = 1.0
"""What takes longer shows how far it is."""

EXAMPLES: Final = """
**Examples**

`steno stream note.m4a` streams a recording as fast as the server takes it, and shows the words.

`steno stream note.wav --speed 1 --cut-every 3` speaks it like a microphone, and loses the connection every 3 s of speech.

`steno stream note.wav --url ws://127.0.0.1:8000 --url ws://127.0.0.1:8001` uses the next server on every redial.

`steno stream note.wav --session 0c0ffee0-0000-4000-8000-000000000000 --json` goes on where an earlier run of the same file
stopped; another file is another take of the session. Each server message is a line of JSON, the summary the last.

**Ctrl-C** stops capturing and finishes what was captured; a second one gives up.

**Exit codes**

- `0` finished, and everything is stored.
- `2` an option or the file is wrong; of a file that broke off or changed meanwhile, what was read before is stored.
- `3` finished, with gaps, which the note shows where they are.
- `4` refused: the line on stderr says why; trying again as it is would change nothing.
- `5` gave up: the line on stderr says how to go on.
- `6` finished, and everything is stored, but not all could be printed: a full disk, or a reader that left.
"""


Urls = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WS_URL",
        help="Where Steno serves; repeat it to use several in turn.",
        show_default=DEFAULT_URL,
    ),
]
Session = Annotated[
    str | None,
    typer.Option(
        metavar="UUID",
        help="The session to record into; it need not exist yet.",
        show_default="a new one",
    ),
]
Speed = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        help="Times real time; 1 is like a microphone.",
        show_default="as fast as it is taken",
    ),
]
CutEvery = Annotated[
    float | None,
    typer.Option(
        metavar="S",
        help="For trying out: cut the connection after every S seconds of audio sent for the first time.",
    ),
]
GiveUpAfter = Annotated[
    float,
    typer.Option(
        metavar="S",
        help="End after so many seconds without connection and progress; what is stored stays.",
        show_default="300",
    ),
]
Label = Annotated[
    str,
    typer.Option(
        metavar="TEXT",
        help="A name for the session, stored encrypted. While this runs, others on this machine can see it.",
    ),
]


def stream(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A recording: wav, mp3, m4a, flac, ogg, webm, and whatever else ffmpeg reads.",
        ),
    ],
    url: Urls = None,
    session: Session = None,
    speed: Speed = None,
    cut_every: CutEvery = None,
    label: Label = "",
    give_up_after: GiveUpAfter = GIVE_UP_AFTER_MS / 1_000,
    as_json: Annotated[
        bool, typer.Option("--json", help="Every server message as a line of JSON, then a summary.")
    ] = False,
) -> int:
    """Stream a recording into a session, through every loss of the connection, until it is finished.

    Steno must be running: `steno up`, in another terminal.
    """
    # Here and not above: decoding libraries take a moment to load, which `--help` should not.
    from client.take_ids import only_run, take_id_of

    wanted = Wanted(
        addresses=tuple(parse_address(each) for each in url or [DEFAULT_URL]),
        session=parse_session(session) if session else SessionId(str(uuid.uuid4())),
        speed=None if speed is None else at_least("--speed", speed, 0.01),
        cut_every=None if cut_every is None else samples(at_least("--cut-every", cut_every, 0.1)),
        give_up_after_ms=round(1_000 * at_least("--give-up-after", give_up_after, 0)),
        label=_label(label),
    )
    measured = _measured(file)
    display = _display(as_json)
    if not as_json:
        say(f"session {wanted.session}, {minutes(measured.samples)} of audio")
    with only_run(take_id_of(wanted.session, measured.digest)):
        result = asyncio.run(_run(file, measured, wanted, display))
    if isinstance(display, JsonLines):
        display.write(result.summary())
    _conclude(result, measured.samples, file, url or [], is_quiet=as_json and not display.is_output_lost)
    if display.is_output_lost:
        forget_output()
    return _exit_code(result, is_shown=not display.is_output_lost)


def _conclude(result: Result, length: int, file: Path, urls: list[str], *, is_quiet: bool) -> None:
    """Say how it ended and what can be done now; a run that went well says nothing beside its JSON."""
    servers = [word for each in urls for word in ("--url", each)]
    again = shlex.join(["steno", "stream", str(file), "--session", result.session, *servers])
    export = shlex.join(["steno", "sessions", "export", result.session, *servers[:2]])
    stored = f"{minutes(result.covered_samples)} of {minutes(length)} stored"
    match result.outcome:
        case Outcome.FINISHED if not is_quiet:
            say(f"finished: {stored}, {_counted(result)}")
            say(f"the note: {export}")
            if result.audio_samples < length:
                say(f"the rest of the file: {again}")
        case Outcome.REFUSED:
            say(f"steno: refused {_reason(result)}; {stored}")
            if result.bye is not None and result.bye.code == TAKEN:
                say(f"to record on here instead, which takes the session over: {again}")
        case Outcome.GAVE_UP:
            say(f"steno: gave up; {stored}. What is stored is safe; go on with: {again}")
        case Outcome.CUT_SHORT:
            say(
                f"steno: the file was not read to its end; {stored}, {_counted(result)}. What is stored is safe"
            )
            say(f"the note: {export}")
            say(f"the rest, once the file is again as it was: {again}")
            say(
                "as it is now it is another recording: stream it without --session, into a session of its own"
            )


def _label(label: str) -> str:
    """Refused here is what the service would refuse once the dictation runs, when nobody looks any more."""
    try:
        label.encode()
    except UnicodeEncodeError:
        # Bytes of another encoding, as a script or terminal of long ago gives them.
        raise SetupError("--label is not text in UTF-8; write it in UTF-8") from None
    if len(label) > LABEL_CHARACTERS_MAX:
        raise SetupError(f"--label has {LABEL_CHARACTERS_MAX} characters at most")
    if any(unicodedata.category(each) == "Cc" for each in label):
        raise SetupError("--label is one line without tabs and other control characters; leave them out")
    return label


def _measured(file: Path) -> "Measured":
    """Hear the whole file once; with a line of progress where that takes a while and somebody is there to see it."""
    from client.audio import measure

    status = console(on_stderr=True).status(f"reading {file.name}")
    began_s = time.monotonic()

    def progress(heard: int) -> None:
        if time.monotonic() - began_s > SLOW_S:
            status.update(f"reading {file.name}: {minutes(heard)}")
            status.start()

    try:
        return measure(file, progress)
    finally:
        status.stop()


def _display(as_json: bool) -> Display:
    now_ms = round(time.monotonic() * 1_000)
    if as_json:
        return JsonLines(sys.stdout, sys.stderr, now_ms)
    return Words(sys.stdout, sys.stderr, now_ms)


async def _run(file: Path, measured: "Measured", wanted: Wanted, display: Display) -> Result:
    from client.api import open_api
    from client.source import opened
    from client.stream import Recorder, Tools
    from client.take_ids import take_id_of

    take_id = take_id_of(wanted.session, measured.digest)
    async with open_api() as api, opened(file, measured) as source:
        recorder = Recorder(wanted, take_id, Tools(api), display)
        with _signals(recorder, display):
            try:
                return await together(recorder.run(source), _tick(display))
            finally:
                display.close()


async def _tick(display: Display) -> None:
    while True:
        display.tick(round(time.monotonic() * 1_000))
        await asyncio.sleep(TICK_S)


@contextmanager
def _signals(recorder: "Recorder", display: Display) -> Iterator[None]:
    """The first Ctrl-C ends capture and keeps what was captured; the next one, or SIGTERM, ends the run."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if recorder.finish():
            display.say("finishing what was captured; Ctrl-C again gives up")
        else:
            recorder.give_up()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, recorder.give_up)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)


def _counted(result: Result) -> str:
    gaps = f"{len(result.gaps)} gap(s)" if result.gaps else "no gaps"
    draft = f", draft {result.draft_state}" if result.draft_state else ""
    return f"{gaps}, {result.reconnects} reconnect(s){draft}"


def _reason(result: Result) -> str:
    assert result.bye is not None
    # The service's own sentence names a button of the page.
    reason = "another recorder has this session" if result.bye.code == TAKEN else result.bye.reason
    return f"({result.bye.code}): {one_line(printable(reason))}"


def _exit_code(result: Result, *, is_shown: bool) -> int:
    """What became of the dictation goes before what became of the output."""
    match result.outcome:
        case Outcome.FINISHED if result.gaps:
            return GAPS_EXIT
        case Outcome.FINISHED:
            return FINISHED_EXIT if is_shown else UNSHOWN_EXIT
        case Outcome.REFUSED:
            return REFUSED_EXIT
        case Outcome.GAVE_UP:
            return GAVE_UP_EXIT
        case Outcome.CUT_SHORT:
            return USAGE_EXIT
