"""How many requests of one client are open at a time, streams among them."""

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from demo.protection.answering import refusal
from demo.protection.rate_limit import client_of
from demo.refusals import TooOften

MOST = 50  # an open page holds two streams; a household has some of them
_AGAIN_SECONDS = 5.0


class OpenRequests:
    """Refuses a client's requests while too many of its own are open.

    Args:
        app: What is asked.
        is_behind_proxy: As for ``RateLimit``.
        most: Of one client.
    """

    def __init__(self, app: ASGIApp, *, is_behind_proxy: bool, most: int = MOST) -> None:
        self._app = app
        self._is_behind_proxy = is_behind_proxy
        self._most = most
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and counts it until it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = client_of(scope, self._is_behind_proxy)
        if self._open[client] >= self._most:
            refused = TooOften("You have too much open at once. Close some of it.", _AGAIN_SECONDS)
            await refusal(refused, {"Connection": "close"})(scope, receive, send)
            return
        self._open[client] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]
