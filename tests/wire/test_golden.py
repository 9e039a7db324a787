"""Both recorders are one: what `client/link.py` does is written down, and `recorder/link.js` must do the same."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from client.events import Event
from client.link import step
from client.link_state import Link, Phase
from shared.domain.values import SessionId, TakeId
from tests.rules.tree import ROOT
from tests.wire.encoding import Json, decode_event, decode_moment, encode_event, encode_link, merged
from tests.wire.make_golden import GOLDEN, golden, written
from tests.wire.scenarios import STORIES
from tests.wire.story import CONFIG
from tests.wire.walks import walk

STORED: list[Json] = json.loads(GOLDEN.read_text())
FRESH_WALKS = 60


def test_the_stories_written_down_are_those_that_are_told() -> None:
    assert golden() == GOLDEN.read_text(), "run: python -m tests.wire.make_golden, and read what changed"


@pytest.mark.parametrize("story", STORED, ids=lambda story: story["name"])
def test_python_does_what_is_written(story: Json) -> None:
    link = Link(
        SessionId(story["session"]), TakeId(story["takeId"]), CONFIG, story["start"]["tapeSamplesMax"]
    )
    expected = story["start"]
    assert encode_link(link) == expected
    for each in story["steps"]:
        link, expected = lived(link, each, expected)
    for each in story["branches"]:
        lived(link, each, expected)


def lived(link: Link, written: Json, before: Json) -> tuple[Link, Json]:
    link, effects = step(link, decode_event(written["event"]), decode_moment(written["moment"]))
    expected = merged(before, written["changed"])
    assert [encode_event(effect) for effect in effects] == written["effects"]
    assert encode_link(link) == expected
    return link, expected


def test_javascript_does_what_is_written() -> None:
    replay_in_javascript(GOLDEN)


def test_both_live_alike_through_lives_nobody_wrote_down(tmp_path: Path) -> None:
    path = tmp_path / "lives.json"
    path.write_text(written(walk(seed, 200) for seed in range(1_000, 1_000 + FRESH_WALKS)))
    replay_in_javascript(path)


def test_every_event_happens_in_every_phase() -> None:
    met: set[tuple[str, str]] = set()
    for story in STORED:
        phase = story["start"]["phase"]
        for each in story["steps"]:
            met.add((phase, each["event"]["type"]))
            phase = each["changed"].get("phase", phase)
        met |= {(phase, each["event"]["type"]) for each in story["branches"]}
    wanted = {(phase.value, _spelt(kind)) for phase in Phase for kind in get_args(Event)}
    assert sorted(wanted - met) == []


def test_every_story_is_told_under_its_own_name() -> None:
    names = [each["name"] for each in STORED]
    assert len(set(names)) == len(names)
    assert {told().name for told in STORIES} <= set(names)


def _spelt(kind: type) -> str:
    return kind.__name__[0].lower() + kind.__name__[1:]


def replay_in_javascript(path: Path) -> None:
    node = shutil.which("node")
    assert node, "node is not installed, so the twin in the page was not checked: make setup-dev"
    done = subprocess.run(
        [node, "--test", "tests/wire/golden.test.js"],
        cwd=ROOT,
        env={"STORIES": str(path), "PATH": str(Path(node).parent)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr
