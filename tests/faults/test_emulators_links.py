"""The whole system on Google's emulators while the network between ingest and them fails in every way it can."""

import asyncio
import json
import signal
import sys
import uuid
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from client.audio import pcm_blocks
from shared.config import Config
from shared.tasks import stop
from shared.wiring import system_clock
from tests.doubles.fault_proxy import FaultProxy, Mode, proxying
from tests.faults.cloud import Cloud
from tests.faults.command import free_ports, scripted_words
from tests.faults.test_emulators import check_draft_consistent, check_each_utterance_once
from tests.unit.client.recordings import write_wav

pytestmark = pytest.mark.timeout(120)

FAULTS: Final = {
    Mode.BLACK_HOLE: "lost request",
    Mode.LOSE_REPLIES: "lost reply",
    Mode.HOLD: "held",
}
"""And what a proxy counts once each has hit something."""

FIRST_ENTRY: Final = 4
"""The network fails once this one is stored, one way after the other, each link by itself."""

LASTS_MS: Final = 2_200
"""Longer than ingest waits for an answer, so that what it sent lands, or not, after it gave up."""

SEEN_S_MAX: Final = 20


@asynccontextmanager
async def ingest(cloud: Cloud, config: Config) -> AsyncIterator[Process]:
    """One more instance, which is told other addresses."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.ingest.main"),
        env={**cloud.machine.environment, **config.environment()},
        stdin=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(SEEN_S_MAX):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def fail(*links: FaultProxy) -> None:
    for mode, hit in FAULTS.items():
        for link in links:
            link.did.clear()
            link.mode = mode
            async with asyncio.timeout(SEEN_S_MAX):
                await link.until(hit)
            await system_clock().sleep_ms(LASTS_MS)
            link.mode = Mode.PASS


async def test_no_word_is_lost_or_doubled_by_a_network_that_swallows_delays_and_loses(
    cloud: Cloud, tmp_path: Path
) -> None:
    recording, session = write_wav(tmp_path / "a.wav", 32), str(uuid.uuid4())
    (port,) = free_ports(1)
    config = cloud.config
    async with proxying(config.firestore_emulator) as firestore, proxying(config.pubsub_emulator) as pubsub:
        told = {
            "firestore_emulator": firestore.address,
            "pubsub_emulator": pubsub.address,
            "port": port,
            "engines": ("scripted",),
        }
        async with ingest(cloud, config.model_copy(update=told)):
            summary = await streamed(cloud, recording, session, port, (firestore, pubsub))
    words = scripted_words(b"".join(pcm_blocks(recording)))
    assert (summary["text"], summary["gaps"]) == (words, [])
    assert (summary["polished_text"].split(), summary["draft_state"]) == (words.split(), "saved")
    polished, parts = await asyncio.to_thread(cloud.note, session)
    check_each_utterance_once(polished, summary["entries"])
    check_draft_consistent(parts, summary["entries"], len(polished))


async def streamed(
    cloud: Cloud, recording: Path, session: str, port: int, links: tuple[FaultProxy, ...]
) -> Mapping[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "client.cli.main", "stream", str(recording), "--json", "--speed", "2"),
        *("--url", f"ws://127.0.0.1:{port}", "--session", session, "--give-up-after", "40"),
        env=cloud.machine.environment,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    failing: asyncio.Task[None] | None = None
    last: Mapping[str, Any] = {}
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            last = json.loads(line)
            if failing is None and last["type"] == "entry" and last["index"] >= FIRST_ENTRY:
                failing = asyncio.create_task(fail(*links))
        assert process.stderr is not None
        assert await process.wait() == 0, (await process.stderr.read()).decode()
        assert failing is not None
        # Every fault hit something while somebody dictated.
        assert failing.done()
        await failing
    finally:
        if failing is not None:
            await stop(failing)
        if process.returncode is None:
            process.kill()
            await process.wait()
    return last
