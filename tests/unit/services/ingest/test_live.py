"""A recorder on a running service, over real sockets: what it hears when the service stops, refuses, or is told to delete."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from shared.wire.frames import FRAME_BYTES_MAX
from shared.wire.messages import MESSAGE_BYTES_MAX
from tests.unit.services.ingest.child import OTHER_SESSION, SESSION, Recorder, Service, running

SECOND = 16_000


async def dictate(service: Service, seconds: int, **hello: Any) -> int:
    """Record some seconds and leave once they are covered; the sample from which audio was asked for."""
    async with service.recorder() as recorder:
        await recorder.hello(**hello)
        send_from: int = (await recorder.until("welcome"))["send_from"]
        await recorder.audio(send_from, seconds * SECOND)
        await recorder.finish(send_from + seconds * SECOND)
        await recorder.until("finished", covered=send_from + seconds * SECOND)
        return send_from


async def test_on_sigterm_a_recorder_is_told_to_move_and_what_it_said_is_there_afterwards(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as service:
        async with service.recorder() as recorder:
            await recorder.hello()
            await recorder.until("welcome")
            await recorder.audio(0, SECOND)
            covered = (await recorder.until("ack", received=SECOND))["covered"]
            began = time.monotonic()
            stopping = asyncio.create_task(service.stop())
            bye, close_code = await recorder.goodbye()
            moved_s = time.monotonic() - began
            code, _, complained = await stopping
    assert (bye["code"], bye["retry"], close_code) == (4512, True, 4512)
    assert moved_s < 3
    assert time.monotonic() - began < 10
    assert (code, "Traceback" in complained) == (0, False)
    async with running(tmp_path) as service:
        assert await dictate(service, 1, dial=2, captured_until=SECOND) >= covered
        async with service.browser() as browser:
            assert (await browser.get(f"/v1/sessions/{SESSION}")).json()["state"] == "finished"
            text = (await browser.get(f"/v1/sessions/{SESSION}/export")).text
            words = text.split()
            assert [word.split(":")[0] for word in words][:4] == ["0", "1", "2", "3"]
            assert [word for word in words if word in complained] == []


async def test_a_recorder_learns_that_its_session_was_deleted(tmp_path: Path) -> None:
    async with running(tmp_path) as service, service.browser() as browser:
        async with service.recorder() as recorder:
            await recorder.hello()
            await recorder.until("welcome")
            assert (await browser.delete(f"/v1/sessions/{SESSION}")).status_code == 204
            await recorder.audio(0, SECOND)
            bye, close_code = await recorder.goodbye()
        assert (bye["code"], bye["retry"], close_code) == (4410, False, 4410)
        assert (await browser.post(f"/v1/sessions/{SESSION}/tickets")).status_code == 410
        assert (await browser.get("/v1/sessions")).json() == {"sessions": []}
        assert (await service.stop())[0] == 0


async def test_what_is_too_big_or_malformed_or_not_theirs_is_answered_with_our_codes(tmp_path: Path) -> None:
    messages: list[tuple[str | bytes, int]] = [
        ("x" * (MESSAGE_BYTES_MAX + 1), 4413),
        (b"\x01" * (FRAME_BYTES_MAX + 1), 4413),
        ("zq7", 4400),
        (b"", 4400),
        ('{"type": "hello", "version": 2}', 4406),
        ('{"type": "pong"}', 4400),
    ]
    async with running(tmp_path) as service:
        for message, code in messages:
            async with service.recorder() as recorder:
                await recorder.connection.send(message)
                await is_refused(recorder, code)
        async with service.recorder() as recorder:
            await recorder.hello(ticket="zq7")
            await is_refused(recorder, 4401)
        async with service.recorder() as recorder:
            await recorder.hello(OTHER_SESSION, ticket_for=SESSION)
            await is_refused(recorder, 4403)


async def is_refused(recorder: Recorder, code: int) -> dict[str, Any]:
    """With this code in `bye` and close, in words that repeat nothing."""
    bye, close_code = await recorder.goodbye()
    assert (bye["code"], close_code, "zq7" in str(bye)) == (code, code, False)
    assert bye["retry"] is (code >= 4500)
    return bye


async def test_one_session_more_than_it_may_serve_is_told_when_to_come_again(tmp_path: Path) -> None:
    async with running(tmp_path, STENO_SESSIONS_MAX="1") as service:
        async with service.recorder() as first, service.recorder() as second:
            await first.hello()
            await first.until("welcome")
            await second.hello(OTHER_SESSION)
            assert (await is_refused(second, 4529))["retry_after_ms"] > 0


async def test_a_body_too_big_is_refused_while_it_still_comes(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    async with running(tmp_path) as service, service.browser() as browser:
        answer = await browser.put(f"/v1/sessions/{SESSION}/label", content=body())
        assert (answer.status_code, answer.json()["error"]) == (413, "too_big")
        assert (await browser.get("/healthz")).status_code == 200


async def test_another_page_or_name_gets_no_socket(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        for headers, status in (
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": f"http://localhost:{service.port}"}, 403),
            ({"X-Forwarded-For": "127.0.0.1"}, 403),
        ):
            with pytest.raises(InvalidStatus) as caught:
                async with service.recorder(**headers):
                    pass
            assert caught.value.response.status_code == status
        with pytest.raises(InvalidStatus) as refused:
            async with service.recorder(protocol="steno.v2"):
                pass
        assert refused.value.response.status_code == 400
        async with service.recorder(Origin=service.url) as recorder:
            await recorder.hello()
            assert (await recorder.until("welcome"))["take"] == 1
        _, _, complained = await service.stop()
    assert '"level": "warning"' not in complained, "a refusal is no trouble of ours"
