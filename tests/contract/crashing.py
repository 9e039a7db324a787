"""Ports on a machine that can be made to die at any one of their calls, before the call or just after it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Crashed(BaseException):
    """The process is gone. No handler of errors may catch it, as none would run."""


class Crash:
    """Counts the calls of all ports made with it, and kills at call number `at`, from 0."""

    def __init__(self, at: int | None = None, *, after_call: bool = False) -> None:
        self.calls = 0
        self._at = at
        self._after_call = after_call

    def port(self, inner: T) -> T:
        """`inner` behind this crash. Typed as what it stands for: every attribute is `inner`'s."""
        proxy: Any = _Port(inner, self)
        typed: T = proxy
        return typed

    async def around(self, call: Callable[[], Awaitable[T]]) -> T:
        mine = self.calls == self._at
        self.calls += 1
        if mine and not self._after_call:
            raise Crashed
        answer = await call()
        if mine:
            raise Crashed
        return answer


class _Port:
    def __init__(self, inner: object, crash: Crash) -> None:
        self._inner = inner
        self._crash = crash

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = getattr(self._inner, name)

        async def call(*arguments: object, **named: object) -> object:
            return await self._crash.around(lambda: method(*arguments, **named))

        return call
