"""Directories that say what they must hold: a `SHA256SUMS` file beside the others, as `sha256sum` writes it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SUMS: Final = "SHA256SUMS"


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(directory: Path, digests: Mapping[str, str]) -> None:
    lines = [f"{each}  {name}\n" for name, each in sorted(digests.items())]
    (directory / SUMS).write_text("".join(lines))


def read_sums(directory: Path) -> dict[str, str]:
    """Digests by file name; empty where the directory states none."""
    try:
        text = (directory / SUMS).read_text()
    except FileNotFoundError:
        return {}
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return {name.strip().removeprefix("*"): each for each, name in pairs}


def first_wrong(directory: Path, digests: Mapping[str, str]) -> str | None:
    """The name of the first file that is missing or not what its digest says; None when all are right."""
    for name, expected in sorted(digests.items()):
        path = directory / name
        if not path.is_file() or digest(path) != expected:
            return name
    return None
