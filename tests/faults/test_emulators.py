"""The whole system on Google's emulators: the same text as ever, each utterance once, nothing readable, nothing left."""

import asyncio
import json
import os
import random
import re
import signal
import uuid
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from client.audio import pcm_blocks
from services.autosave.draft import Part
from shared.domain.entries import Polished
from shared.ports import Subscriber
from tests.faults.cloud import Cloud, Doubler, push_all, readable
from tests.faults.command import Done, Machine, scripted_words
from tests.unit.client.recordings import write_wav

pytestmark = pytest.mark.timeout(120)

LABEL = "Jane Roe, made up"


@pytest.fixture
def session() -> str:
    return str(uuid.uuid4())


def words(recording: Path) -> str:
    return scripted_words(b"".join(pcm_blocks(recording)))


def stream(cloud: Cloud, recording: Path, session: str, *options: str) -> Done:
    return cloud.machine.run(
        "stream", str(recording), *cloud.up.urls, "--session", session, "--json", *options
    )


def check_each_utterance_once(polished: list[Polished], entries: int) -> None:
    assert [each.index for each in polished] == list(range(len(polished)))
    covered = [index for each in polished for index in range(each.first, each.last + 1)]
    assert covered == list(range(entries))


def check_draft_consistent(parts: list[Part], entries: int, polished: int) -> None:
    assert [row.index for part in parts for row in part.entries] == list(range(entries))
    assert [row.index for part in parts for row in part.polished] == list(range(polished))


def test_cut_connections_and_a_killed_instance_change_no_word(
    cloud: Cloud, session: str, tmp_path: Path
) -> None:
    recording = write_wav(tmp_path / "a.wav", 8)
    streaming = cloud.machine.start(
        "stream",
        str(recording),
        *cloud.up.urls,
        *("--session", session, "--speed", "2", "--cut-every", "2", "--json"),
    )
    assert streaming.stdout is not None
    lines: list[Mapping[str, object]] = []
    killed = 0
    for line in streaming.stdout:
        lines.append(json.loads(line))
        if not killed and lines[-1]["type"] == "entry" and lines[-1]["index"] == 10:
            killed = cloud.up.pids(cloud.up.ports[0])[-1]
            os.kill(killed, signal.SIGKILL)
    _, err = streaming.communicate(timeout=40)
    assert streaming.returncode == 0, err
    summary = lines[-1]
    assert (summary["text"], summary["gaps"], summary["draft_state"]) == (words(recording), [], "saved")
    assert str(summary["polished_text"]).split() == words(recording).split()
    cloud.up.wait_for_pid(cloud.up.ports[0], killed)


def test_messages_twice_and_out_of_order_polish_each_utterance_once_and_leave_one_draft(
    cloud: Cloud, session: str, tmp_path: Path
) -> None:
    recording = write_wav(tmp_path / "a.wav", 6)
    with cloud.tapped() as tap, Doubler(cloud, tap) as doubler:
        done = stream(cloud, recording, session, "--speed", "3")
    assert done.code == 0, done.err
    entries = done.summary["entries"]
    # One message may announce several commits.
    assert len(doubler.heard) >= 4
    assert set(doubler.statuses) <= {204, 503}
    polished_before, parts_before = cloud.note(session)
    urls = [cloud.push_url(subscriber) for subscriber in Subscriber]
    again = random.Random(0).sample(doubler.heard * 2, 2 * len(doubler.heard))
    assert set(asyncio.run(push_all(urls, again))) == {204}
    polished, parts = cloud.note(session)
    check_each_utterance_once(polished, entries)
    check_draft_consistent(parts, entries, len(polished))
    assert " ".join(each.text for each in polished).split() == words(recording).split()
    assert polished == polished_before
    assert parts[: len(parts_before)] == parts_before


def test_the_sweep_may_be_asked_for_twice_at_once(cloud: Cloud) -> None:
    url = f"{cloud.push_url(Subscriber.AUTOSAVE)}sweep"

    async def sweep() -> int:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return (await client.post(url)).status_code

    async def both() -> list[int]:
        return list(await asyncio.gather(sweep(), sweep()))

    assert asyncio.run(both()) == [204, 204]


def test_no_word_is_readable_anywhere_and_only_a_tombstone_outlives_deletion(
    cloud: Cloud, session: str, tmp_path: Path
) -> None:
    recording = write_wav(tmp_path / "a.wav", 3)
    with cloud.tapped() as tap:
        assert stream(cloud, recording, session, "--label", LABEL).code == 0
        messages = tap.messages()
    documents, objects = cloud.documents(), cloud.objects()
    kept = [
        [path for path in documents if session in path],
        [name for name in objects if session in name],
        [each["messageId"] for each in messages if each["attributes"]["session"] == session],
    ]
    assert all(kept)
    every = "\n".join(readable(documents)) + "\n".join(readable(objects)) + "\n".join(readable(messages))
    # What is looked for would be found, were it there.
    assert every.count(session) >= sum(len(each) for each in kept)
    secrets = [*words(recording).split(), *LABEL.replace(",", "").split()[:2]]
    assert [word for word in secrets if word in every] == []
    assert [word for word in secrets if word in "\n".join(cloud.up.errors)] == []

    assert cloud.machine.run("sessions", "delete", session, "--yes", *cloud.up.urls[:2]).code == 0
    left = {path: fields for path, fields in cloud.documents().items() if session in path}
    assert list(left) == [f"sessions/{session}"]
    tombstone = left[f"sessions/{session}"]
    assert tombstone["state"] == {"stringValue": "purged"}
    assert (tombstone["wrapped_key"], tombstone["config"]) == ({"bytesValue": ""}, {"bytesValue": ""})
    assert [name for name in cloud.objects() if session in name] == []


def test_poison_is_a_dead_letter_that_can_be_listed_and_sent_away(cloud: Cloud) -> None:
    where = ("--backend", "emulators", "--data-dir", str(cloud.machine.data_dir))
    steno = cloud.machine.run
    topic = f"projects/{cloud.config.project}/topics/{cloud.config.topic}"
    httpx.post(
        f"http://{cloud.config.pubsub_emulator}/v1/{topic}:publish",
        json={"messages": [{"attributes": {"session": "nonsense"}}]},
    ).raise_for_status()
    cloud.up.wait_for_error("a push is given up", times=2)
    listed = steno("dead-letters", "list", *where)
    assert listed.code == 0, listed.err
    assert sorted(re.split(r"\t", line)[:4] for line in listed.out.splitlines()) == [
        ["-", subscriber, "1 attempts", "Malformed"] for subscriber in ("autosave", "polish")
    ]
    again = steno("dead-letters", "list", *where)
    assert again.out == listed.out
    assert steno("dead-letters", "replay", *where).out == "2 tried again\n"
    assert steno("dead-letters", "list", *where).err == "there are no dead letters\n"


def test_doctor_looks_at_what_the_emulators_need(cloud: Cloud) -> None:
    found = cloud.machine.run("doctor", "--backend", "emulators", "--data-dir", str(cloud.machine.data_dir))
    assert re.search(r"^ok +emulators ", found.out, re.M), found.out
    assert re.search(r"^ok +Google's packages +all installed", found.out, re.M)


def test_without_java_and_the_sdk_it_is_one_line_and_exit_2(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    done = machine.run(
        "up", "--backend", "emulators", "--engine", "scripted", environment={"PATH": "/nowhere"}
    )
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "Java is missing" in done.err
    assert "Google Cloud SDK is missing" in done.err
    assert not machine.data_dir.exists()
