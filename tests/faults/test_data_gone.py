"""The data directory taken away from a running Steno: everybody is told, nothing is acknowledged, and put back it goes on."""

import json
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from client.audio import pcm_blocks
from tests.faults.command import RUN_S_MAX, Machine, scripted_words, steno_up
from tests.unit.client.recordings import write_wav

pytestmark = pytest.mark.timeout(90)

SENTENCE = "steno.db was moved, deleted or replaced; put it back, or restart Steno"


def wait_for_entry(streaming: "subprocess.Popen[str]") -> None:
    assert streaming.stdout is not None
    for line in streaming.stdout:
        if json.loads(line)["type"] == "entry":
            return
    raise AssertionError("it ended without a word")


def test_moved_and_put_back_it_costs_no_word_and_deleted_nothing_more_is_taken(tmp_path: Path) -> None:
    machine, session = Machine(tmp_path), str(uuid.uuid4())
    recording = write_wav(tmp_path / "a.wav", 12)
    with steno_up(machine, 1) as up:
        options = ("--session", session, "--json", "--speed", "4")
        streaming = machine.start("stream", str(recording), *up.urls, *options)
        try:
            wait_for_entry(streaming)
            machine.data_dir.rename(tmp_path / "elsewhere")
            up.wait_for_error(f"ingest-1 cannot serve: the database file {machine.data_dir}/{SENTENCE}")
            (tmp_path / "elsewhere").rename(machine.data_dir)
            out, err = streaming.communicate(timeout=RUN_S_MAX)
        finally:
            streaming.kill()
        assert streaming.returncode == 0, err
        summary = json.loads(out.splitlines()[-1])
        assert summary["text"] == scripted_words(b"".join(pcm_blocks(recording)))
        up.wait_for_error("ingest-1 serves again")
        shutil.rmtree(machine.data_dir)
        done = machine.run("stream", str(recording), *up.urls, "--json", "--give-up-after", "2")
        assert done.code == 5, done.err
        assert done.summary["covered_samples"] == 0
        assert SENTENCE in done.err
