"""One spoken word passes thirteen stages; a newcomer follows it by the first line of each file."""

import re
from pathlib import Path

from tests.rules.tree import ROOT, files, modules

STAGES: dict[int, tuple[str, ...]] = {
    1: ("services/ingest/recorder/capture.js",),
    2: ("services/ingest/recorder/tape.js", "client/tape.py"),
    3: (
        "services/ingest/recorder/link.js",
        "services/ingest/recorder/shell.js",
        "client/link.py",
        "client/stream.py",
    ),
    4: ("services/ingest/ws.py", "services/ingest/connection.py"),
    5: ("services/ingest/recording.py",),
    6: ("services/ingest/engines/base.py",),
    7: ("services/ingest/segmenter.py",),
    8: ("shared/lease.py",),
    9: ("shared/publisher.py",),
    10: ("services/polish/handler.py",),
    11: ("services/autosave/handler.py",),
    12: ("services/ingest/follow.py",),
    13: ("services/ingest/recorder/transcript.js", "services/ingest/recorder/view.js"),
}
_PLACE = re.compile(r"Stage (\d+) of 13[., ]")
_HEAD_LINES = 6


def stage_of(path: Path) -> int | None:
    head = "\n".join(path.read_text().splitlines()[:_HEAD_LINES])
    found = _PLACE.search(head)
    return int(found[1]) if found else None


def test_each_stage_says_its_place_in_its_first_lines() -> None:
    told = {name: stage_of(ROOT / name) for names in STAGES.values() for name in names}
    assert told == {name: stage for stage, names in STAGES.items() for name in names}


def test_no_number_is_missing_or_made_up() -> None:
    numbers = {
        stage_of(path) for path in files(".py", ".js") if "tests" not in path.relative_to(ROOT).parts
    } - {None}
    assert numbers == set(range(1, 14))


def test_values_go_forward_and_nothing_calls_back() -> None:
    """A stage may know the values of those before it. Only the recording, which joins them, knows those after it."""
    stages = {module.name: stage_of(module.path) for module in modules()}
    back = [
        f"{module.name} ({stage}) -> {name} ({stages[name]})"
        for module in modules()
        if (stage := stages[module.name]) is not None and stage != 5
        for name in sorted(module.imports)
        if (later := stages.get(name)) is not None and later > stage
    ]
    assert back == []
