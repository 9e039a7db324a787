"""Writes golden.json, the behaviour both links are held to, from `client/link.py`: `python -m tests.wire.make_golden`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.wire.encoding import Json
from tests.wire.phases import every_phase
from tests.wire.scenarios import STORIES
from tests.wire.story import Story
from tests.wire.walks import walk

GOLDEN: Final = Path(__file__).parent / "golden.json"
WALKS: Final = 3
WALK_STEPS: Final = 100


def golden() -> str:
    walks = (walk(seed, WALK_STEPS) for seed in range(WALKS))
    return written([*(told() for told in STORIES), *every_phase(), *walks])


def written(stories: Iterable[Story]) -> str:
    """One step a line, so that a change of behaviour is a change of those lines."""
    return "[\n" + ",\n".join(_written(story) for story in stories) + "\n]\n"


def _written(story: Story) -> str:
    told = story.told()
    lists = (f'"{name}": [\n{_lines(told.pop(name))}\n]' for name in ("steps", "branches"))
    return ", ".join([json.dumps(told)[:-1], *lists]) + "}"


def _lines(steps: list[Json]) -> str:
    return ",\n".join(f"  {json.dumps(each, separators=(',', ':'))}" for each in steps)


if __name__ == "__main__":
    GOLDEN.write_text(golden())
