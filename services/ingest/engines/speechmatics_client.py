"""Stage 6 of 13. The Speechmatics SDK's client and its connection's settings, changed where they say or bound too little."""

import asyncio
import logging
from typing import Any, Final

from speechmatics.rt import AsyncClient, ConnectionConfig
from websockets.asyncio.client import ClientConnection

from services.ingest.engines.remote_pace import Limits
from services.ingest.engines.remote_wire import proxy_for, tls

START_S_MAX: Final = 20.0
"""With a dictionary that it has not seen, the vendor takes up to 15 s to start."""

LOGGERS: Final = ("speechmatics.rt.async_client", "speechmatics.rt.transport")


class Connection(ConnectionConfig):
    """What the SDK gives to the socket's library, and what it does not: no compression, and the socket in our sight."""

    def __init__(self, url: str, limits: Limits) -> None:
        super().__init__(
            open_timeout=limits.connect_ms / 1_000,
            ping_interval=limits.ping_ms / 1_000,
            ping_timeout=limits.ping_ms / 1_000,
            close_timeout=1,
            max_queue=64,
            ssl_context=tls(),
        )
        self.made: ClientConnection | None = None
        self._proxy = proxy_for(url)

    def to_dict(self) -> dict[str, Any]:
        return {
            **super().to_dict(),
            "compression": None,
            "proxy": self._proxy,
            "create_connection": self._make,
        }

    def _make(self, *given: Any, **named: Any) -> ClientConnection:
        self.made = ClientConnection(*given, **named)
        return self.made


class Client(AsyncClient):
    """The SDK's client, which waits long enough for its start and says when it hears no more."""

    def __init__(self, url: str, key: str, connection: ConnectionConfig, news: asyncio.Event) -> None:
        super().__init__(api_key=key, url=url, conn_config=connection)
        self.is_deaf = False
        self._news = news
        _forget_handlers()

    async def _wait_recognition_started(self, timeout: float = START_S_MAX) -> None:  # noqa: ASYNC109  # as in the SDK
        await super()._wait_recognition_started(START_S_MAX)

    async def _recv_loop(self) -> None:
        try:
            await super()._recv_loop()
        finally:
            self.is_deaf = True
            self._news.set()


def _forget_handlers() -> None:
    """All but one: the SDK gives its loggers one that does nothing with every client it makes, and takes none back, so
    that memory would grow with the number of connections."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        for handler in [each for each in logger.handlers if isinstance(each, logging.NullHandler)][1:]:
            logger.removeHandler(handler)
