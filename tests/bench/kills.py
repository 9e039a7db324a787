"""A speech engine that is killed 200 times in an hour: `python -m tests.bench.kills`.

One dictation goes to both vendors' servers, through their SDKs and everything the service wraps them in. At the rate given
the vendor that hears it dies: its connections are reset and no new one is taken for a while, so that the session goes over
to the other vendor, which is the next to die. Behind the servers is `scripted`, so that every word is a hash of its audio.

With `--speech DIRECTORY` the servers hear with the local engine, at a microphone's pace, every `NAME.wav` there that has a
`NAME.txt`; the same dictation is also heard undisturbed, and word error rates are told of both. Kills come at the same
rate over the audio there is.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from services.ingest.engines.build import build_engine
from services.ingest.engines.scripted import ScriptedEngine
from shared.adapters.clocks import SystemClock
from shared.config import load_config
from shared.domain.values import BYTES_PER_SAMPLE, samples
from tests.bench.accuracy_run import TAIL, clips
from tests.bench.accuracy_words import errors, fold
from tests.bench.kills_run import Heard, Play, cells, dictate, noise
from tests.providers.hurried import be_quiet


def main() -> int:
    options = _options()
    be_quiet()
    if options.speech is None:
        return asyncio.run(_scripted(options))
    return asyncio.run(_speech(options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.kills",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=200, help="in an hour of audio (default 200)")
    parser.add_argument("--minutes", type=float, default=60, help="of audio, without --speech (default 60)")
    parser.add_argument(
        "--away", type=float, default=8, help="seconds that a dead vendor stays away (default 8)"
    )
    parser.add_argument(
        "--time-scale", type=float, default=20, help="how fast time runs (default 20; with --speech 1)"
    )
    parser.add_argument("--speech", type=Path, metavar="DIRECTORY")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


async def _scripted(options: argparse.Namespace) -> int:
    pcm = noise(options.seed, samples(60 * options.minutes))
    play = Play(pcm, options.kills / 3_600, options.away, options.time_scale, options.seed)
    heard = await dictate(play, ScriptedEngine(SystemClock()))
    _tell("scripted", heard)
    expected, words = cells(pcm), heard.text.split()
    print(
        f"words {len(words)}, of {len(expected)}: {'exactly the same' if words == expected else 'NOT THE SAME'}"
    )
    return 0 if words == expected and not heard.violations else 1


async def _speech(options: argparse.Namespace) -> int:
    found = clips(options.speech)
    if not found:
        sys.stderr.write(f"no NAME.wav with a NAME.txt in {options.speech}\n")
        return 2
    pcm = b"".join(clip.pcm + bytes(TAIL * BYTES_PER_SAMPLE) for clip in found)
    reference = " ".join(clip.text for clip in found)
    play = Play(pcm, options.kills / 3_600, options.away, 1.0, options.seed)
    local = build_engine(load_config(engines=("local",), provider_urls={}), SystemClock())
    await local.check()
    try:
        undisturbed = await dictate(play.without_kills(), local)
        _tell("undisturbed", undisturbed)
        disturbed = await dictate(play, local)
        _tell("disturbed", disturbed)
    finally:
        await local.close()
    _tell_errors(reference, undisturbed.text, disturbed.text)
    return 1 if undisturbed.violations or disturbed.violations else 0


def _tell(name: str, heard: Heard) -> None:
    kills = ", ".join(f"{vendor} {count}" for vendor, count in heard.kills.items()) or "none"
    rows: Sequence[tuple[str, object]] = (
        ("audio", f"{heard.audio_s:.0f} s, in {heard.wall_s:.0f} s"),
        ("kills", f"{sum(heard.kills.values())} ({kills})"),
        ("connections", heard.connections),
        ("segments", f"{heard.segments} ({', '.join(f'{name} {count}' for name, count in heard.engines.items())})"),
        ("gaps", heard.gaps),
        ("furthest behind", f"{median(heard.behind_s):.1f} s of audio after most kills, {max(heard.behind_s):.1f} s once"),
        ("protocol violations", heard.violations or "none"),
    )  # fmt: skip
    print(name)
    for label, value in rows:
        print(f"  {label:<20} {value}")
    sys.stdout.flush()


def _tell_errors(reference: str, undisturbed: str, disturbed: str) -> None:
    def rate(text: str, against: str) -> str:
        count, words = errors(text, against), len(fold(against).split())
        return f"{100 * count / words:5.2f} % ({count} of {words} words)"

    print("word error rate")
    print(f"  undisturbed, against the reference   {rate(undisturbed, reference)}")
    print(f"  disturbed, against the reference     {rate(disturbed, reference)}")
    print(f"  disturbed, against undisturbed       {rate(disturbed, undisturbed)}")


if __name__ == "__main__":
    sys.exit(main())
