"""Connections: how many one address has, and how long one may be silent before it asks.

Uvicorn 0.54 limits all connections together, and waits for the first request for ever.
"""

import asyncio
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.auto import AutoHTTPProtocol

MOST = 50  # of one address; a browser opens six
_SILENT_SECONDS = 20.0  # until the head of a request is there


_Protocol: Any = AutoHTTPProtocol


class LimitedProtocol(_Protocol):
    """Uvicorn's protocol, which counts the connections of addresses and closes silent ones."""

    most: ClassVar[int | None] = MOST
    seconds: ClassVar[float] = _SILENT_SECONDS
    connected: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Counts the connection, or ends it."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self.connected[self._address] += 1
        self._silent = self.loop.call_later(self.seconds, self._close_if_silent)
        if self.most is not None and self.connected[self._address] > self.most:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts it no more."""
        self._silent.cancel()
        self.connected[self._address] -= 1
        if not self.connected[self._address]:
            del self.connected[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Waits for the head of a request from its first bytes on, not from its last."""
        super().data_received(data)
        if self._is_asking():
            self._silent.cancel()
        elif self._silent.cancelled():
            self._silent = self.loop.call_later(self.seconds, self._close_if_silent)

    def _is_asking(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _close_if_silent(self) -> None:
        if not self._is_asking():
            self.transport.close()


def limited(most: int | None, seconds: float = _SILENT_SECONDS) -> type[asyncio.Protocol]:
    """The protocol with limits of its own.

    Args:
        most: Connections of one address; None for any number, as a proxy has.
        seconds: After which a connection whose request is not there yet is closed.
    """
    entries: dict[str, Any] = {"most": most, "seconds": seconds, "connected": Counter()}
    return type("LimitedProtocol", (LimitedProtocol,), entries)
