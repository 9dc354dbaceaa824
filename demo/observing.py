"""Counts what is asked of the server."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.measurements import Measurements

# First names of paths that are told apart; all else is the page and its files.
_NAMED = ("asked", "uploads", "kept", "photographs", "health", "metrics", "api", "gradio_api")


class Observing:
    """Tells the measurements of every answer.

    Args:
        app: What answers.
        measurements: What is told.
    """

    def __init__(self, app: ASGIApp, *, measurements: Measurements) -> None:
        self._app = app
        self._measurements = measurements

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        first = scope["path"].lstrip("/").partition("/")[0]
        route = first if first in _NAMED else "page"

        async def send_observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._measurements.count_request(route, message["status"])
            await send(message)

        await self._app(scope, receive, send_observed)
