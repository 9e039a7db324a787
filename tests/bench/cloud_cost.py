"""What an hour of dictation costs on Google Cloud: `python -m tests.bench.cloud_cost --minutes 3 --recorders 4`.

Counts what would be billed, on the emulators, while recorders dictate at a microphone's pace: as they begin, for some
minutes in between, as they end; then what the sweep takes of what they leave, and of what is deleted. An hour is what was
counted in between, as if it had gone on for an hour, and one beginning and one end. `cloud_prices.py` has the prices, and
`cloud_meter.py` says what counts as what.

Utterances come as often as the local engine ends them on tests/data/speech at a microphone's pace (19 in 161 s), and
entries three times as often, as the vendors' engines settle them; `--entries-per-utterance 1` is the local engine itself.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.adapters.clocks import SystemClock
from tests.bench.cloud_meter import Counts
from tests.bench.cloud_prices import (
    FUNCTION,
    INGEST,
    KEYS_PER_SESSION,
    PRICES,
    SWEEPS_AN_HOUR,
    TOMBSTONE_DAYS,
    Bill,
    Kind,
    Swept,
    added,
    an_hour_of_cpu,
    deleting,
    dollars,
    less,
    passing,
    times,
)
from tests.bench.cloud_speaker import Dictations, Shape, vendor
from tests.bench.cloud_stack import Stack, metered_stack

UTTERANCE_S: Final = 8.5
ENTRIES_PER_UTTERANCE: Final = 3
CPU_S: Final = 30.0
SETTLED_MS: Final = 3_000
"""After the last message of a phase whatever it set off has come to its end."""

SWEEPS: Final = 2


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted between two moments."""

    counts: Counts
    seconds: float = 0
    entries: int = 0
    utterances: int = 0
    sweeps: int = 0

    def bill(self, *, of_sweep: bool) -> Bill:
        """Either of the sweep, or of everything else."""
        bill = dict.fromkeys(Kind, 0.0)
        for (service, kind, _), count in self.counts.items():
            if (service == "sweep") is of_sweep:
                bill[kind] += count
        return bill

    @property
    def a_sweep(self) -> Bill:
        return times(self.bill(of_sweep=True), 1 / self.sweeps)


@dataclass(frozen=True, slots=True)
class Measured:
    recorders: int
    empty: Window
    begun: Window
    dictated: Window
    ended: Window
    kept: Window
    deletion: Window
    deleted: Window

    @property
    def swept(self) -> Swept:
        """What each session adds to a sweep."""
        alone, each = self.empty.a_sweep, 1 / self.recorders
        recording, finished, deleted = (
            times(less(window.a_sweep, alone), each) for window in (self.dictated, self.kept, self.deleted)
        )
        return Swept(alone, recording, finished, deleted)

    @property
    def session(self) -> Bill:
        """The beginning and the end of one."""
        both = added(self.begun.bill(of_sweep=False), self.ended.bill(of_sweep=False))
        return added(times(both, 1 / self.recorders), {Kind.KEY: KEYS_PER_SESSION})

    @property
    def hour(self) -> Bill:
        """Of one recorder's dictation, without the beginning and the end."""
        return times(self.dictated.bill(of_sweep=False), 3_600 / self.dictated.seconds / self.recorders)


class _Watch:
    """Reads the counters off, and remembers where they were."""

    def __init__(self, stack: Stack, dictations: Dictations) -> None:
        self._stack = stack
        self._dictations = dictations
        self._last = self._now()

    def _now(self) -> Window:
        meter, said = self._stack.meter, self._dictations
        return Window(meter.read_off(), time.monotonic(), said.entries, said.utterances, meter.sweeps)

    def lap(self) -> Window:
        """What was counted since the last one."""
        before, self._last = self._last, self._now()
        return Window(
            self._last.counts - before.counts,
            self._last.seconds - before.seconds,
            self._last.entries - before.entries,
            self._last.utterances - before.utterances,
            self._last.sweeps - before.sweeps,
        )


async def measure(home: Path, shape: Shape, minutes: float, recorders: int) -> Measured:
    async with vendor(shape) as vendor_url, metered_stack(home, vendor_url) as stack:
        dictations = Dictations(stack.url, recorders)
        # The first sweep looks at everything there ever was, and reads no like any other.
        await stack.sweep(1)
        watch = _Watch(stack, dictations)
        await stack.sweep(1)
        empty = watch.lap()
        async with asyncio.TaskGroup() as group:
            group.create_task(dictations.run())
            await dictations.begun()
            begun = watch.lap()
            await SystemClock().sleep_ms(round(60_000 * minutes))
            await stack.sweep(1)
            dictated = watch.lap()
            dictations.finish()
        await SystemClock().sleep_ms(SETTLED_MS)
        ended = watch.lap()
        await stack.sweep(SWEEPS)
        kept = watch.lap()
        for session in dictations.sessions:
            await stack.delete(session)
        await SystemClock().sleep_ms(SETTLED_MS)
        deletion = watch.lap()
        await stack.sweep(SWEEPS)
        return Measured(recorders, empty, begun, dictated, ended, kept, deletion, watch.lap())


# --- what is printed


def _report(found: Measured, shape: Shape, cpu_s: float) -> Iterator[str]:
    yield from _rows_of(found)
    yield from _rows_of_sessions(found)
    yield from _rows_of_sweep(found.swept)
    yield from _hour(found, shape)
    yield from _machines(cpu_s)


def _rows_of(found: Measured) -> Iterator[str]:
    window = found.dictated
    yield (
        f"\nWhile {found.recorders} dictate: {window.seconds:.0f} s, {window.entries} entries,"
        f" {window.utterances} utterances, {window.sweeps} sweeps"
    )
    yield f"{'service':<10} {'billed as':<22} {'what':<30} {'count':>8} {'an entry':>10} {'an utterance':>13}"
    for (service, kind, what), count in sorted(window.counts.items()):
        if service != "sweep":
            per_entry, per_utterance = count / window.entries, count / window.utterances
            yield f"{service:<10} {kind:<22} {what:<30} {count:>8} {per_entry:>10.2f} {per_utterance:>13.2f}"


def _rows_of_sessions(found: Measured) -> Iterator[str]:
    yield "\nA session, beside what is dictated"
    yield f"{'service':<10} {'billed as':<22} {'what':<30} {'to begin':>10} {'to end':>10} {'to delete':>10}"
    phases = [found.begun.counts, found.ended.counts, found.deletion.counts]
    for key in sorted({key for counts in phases for key in counts if key.service != "sweep"}):
        figures = " ".join(f"{counts[key] / found.recorders:>10.1f}" for counts in phases)
        yield f"{key.service:<10} {key.kind:<22} {key.what:<30} {figures}"


def _rows_of_sweep(swept: Swept) -> Iterator[str]:
    yield "\nA sweep, once a minute, and what each session adds to it"
    yield f"{'billed as':<22} {'by itself':>10} {'recording':>10} {'finished':>10} {'deleted':>10}"
    for kind in Kind:
        figures = [bill[kind] for bill in (swept.alone, swept.recording, swept.finished, swept.deleted)]
        if any(figures):
            yield f"{kind:<22} " + " ".join(f"{figure:>10.1f}" for figure in figures)


def _hour(found: Measured, shape: Shape) -> Iterator[str]:
    utterances = 3_600 / shape.entry_s / shape.entries_per_utterance
    entries = utterances * shape.entries_per_utterance
    swept = found.swept
    columns = [found.hour, found.session, swept.hour_of(), swept.deletion()]
    yield f"\nAn hour of dictation in one session: {entries:.0f} entries, {utterances:.0f} utterances"
    yield f"{'billed as':<22} {'dictated':>12} {'session':>12} {'swept':>12} {'together':>12} {'US dollars':>11}"
    total = dollars(added(*columns[:3]))
    for kind in Kind:
        counts = [bill.get(kind, 0) for bill in columns[:3]]
        price = sum(counts) * PRICES[kind]
        cells = " ".join(f"{count:>12,.0f}" for count in [*counts, sum(counts)])
        yield f"{kind:<22} {cells} {price:>11.5f}"
    yield (
        f"{'US dollars':<22} "
        + " ".join(f"{dollars(bill):>12.5f}" for bill in columns[:3])
        + f" {total:>24.5f}"
    )
    yield f"to delete it: {dollars(deleting(round(entries + utterances) + 2)):.5f}, by the rows of its logs"
    yield f"once it is deleted, for 30 days: {dollars(columns[3]):.5f} ({_most(columns[3])})"
    yield f"by service: {_by_service(found)}"
    yield f"sweeps of an empty store for an hour: {SWEEPS_AN_HOUR * dollars(swept.alone):.5f}"
    kept = SWEEPS_AN_HOUR * 24 * TOMBSTONE_DAYS
    yield f"and for 30 days, for every 1,000 sessions that are kept: {dollars(passing(1_000, kept)):.5f} (not counted: Google's rule)"


def _by_service(found: Measured) -> str:
    window = found.dictated
    hours = 3_600 / window.seconds / found.recorders
    services = sorted({key.service for key in window.counts} - {"sweep"})
    prices = {
        service: hours
        * sum(count * PRICES[key.kind] for key, count in window.counts.items() if key.service == service)
        for service in services
    }
    return ", ".join(f"{service} {price:.5f}" for service, price in prices.items())


def _most(bill: Bill) -> str:
    kind = max(bill, key=lambda each: bill[each] * PRICES[each])
    return f"{bill[kind]:,.0f} {kind}"


def _machines(cpu_s: float) -> Iterable[str]:
    yield "\nCloud Run, billed by instance, for each hour it is there"
    yield f"ingest, one instance at least: {INGEST.an_hour:.4f}; a function, one instance: {FUNCTION.an_hour:.4f}"
    yield f"an hour of dictation's part of a full instance of ingest, {cpu_s:g} CPU seconds: {an_hour_of_cpu(cpu_s):.5f}"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.cloud_cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=3, help="of dictation that are counted (default 3)")
    parser.add_argument("--recorders", type=int, default=4, help="at once (default 4)")
    parser.add_argument("--entries-per-utterance", type=int, default=ENTRIES_PER_UTTERANCE)
    parser.add_argument("--utterance-s", type=float, default=UTTERANCE_S)
    parser.add_argument(
        "--cpu-s", type=float, default=CPU_S, help="of ingest for an hour of audio, as tests.bench.peers says"
    )
    given = parser.parse_args()
    shape = Shape(given.utterance_s / given.entries_per_utterance, given.entries_per_utterance)
    with tempfile.TemporaryDirectory() as home:
        found = asyncio.run(measure(Path(home), shape, given.minutes, given.recorders))
    print("\n".join(_report(found, shape, given.cpu_s)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
