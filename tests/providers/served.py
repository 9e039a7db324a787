"""A vendor's server in a process of its own, one for all tests that ask for the same, gone when this process is."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@cache
def served(vendor: str, *options: str) -> str:
    """Its address. On a leash: it ends when its stdin does, however this process ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.providers", vendor, "--leashed", *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    ready, url = child.stdout.readline().split()
    assert ready == "ready"
    return url
