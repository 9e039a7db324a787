"""Coroutines that run together end together, on every path."""

import asyncio

import pytest

from shared.tasks import stop, together


class Helper:
    """Runs until it is stopped, and knows that it was."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.stopped = False

    async def run(self) -> None:
        try:
            self.running.set()
            await asyncio.get_running_loop().create_future()
        finally:
            # As a helper that closes something: being stopped must wait for it.
            await asyncio.sleep(0)
            self.stopped = True


async def test_helpers_end_with_the_main_one() -> None:
    helpers = [Helper(), Helper()]

    async def main() -> str:
        for each in helpers:
            await each.running.wait()
        return "done"

    assert await together(main(), *(each.run() for each in helpers)) == "done"
    assert all(each.stopped for each in helpers)


async def test_the_main_one_alone() -> None:
    async def main() -> int:
        return 7

    assert await together(main()) == 7


async def test_a_helper_that_fails_ends_all_and_its_error_is_raised_itself() -> None:
    main, helper = Helper(), Helper()

    async def fails() -> None:
        await main.running.wait()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await together(main.run(), fails(), helper.run())
    assert main.stopped
    assert helper.stopped


async def test_a_main_one_that_fails_ends_its_helpers() -> None:
    helper = Helper()

    async def main() -> None:
        await helper.running.wait()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await together(main(), helper.run())
    assert helper.stopped


async def test_a_helper_may_be_done_early() -> None:
    early_done = asyncio.Event()

    async def early() -> None:
        early_done.set()

    async def main() -> str:
        await early_done.wait()
        await asyncio.sleep(0)
        return "done"

    assert await together(main(), early()) == "done"


async def test_whoever_is_cancelled_takes_all_with_them() -> None:
    main, helper = Helper(), Helper()
    task = asyncio.create_task(together(main.run(), helper.run()))
    await main.running.wait()
    await helper.running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert main.stopped
    assert helper.stopped


async def test_stopping_waits_and_swallows_what_is_raised_on_the_way() -> None:
    helper = Helper()

    async def fails_when_stopped() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            raise ValueError("while stopping")

    async def at_once() -> None:
        return

    tasks = [asyncio.ensure_future(each) for each in (helper.run(), fails_when_stopped(), at_once())]
    await helper.running.wait()
    await stop(*tasks)
    assert all(task.done() for task in tasks)
    assert helper.stopped
    await stop()
