"""How much a request may send."""

import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.protection.answering import header, refusal
from demo.refusals import TooLarge


class BodyLimit:
    """Refuses bodies that are too large, before they are read, or where they turn out to be.

    Args:
        app: What would read them.
        bytes: At most.
    """

    def __init__(self, app: ASGIApp, *, bytes: int) -> None:
        self._app = app
        self._bytes = bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on as far as it is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = TooLarge(
            f"At most {self._bytes / 1e6:.0f} MB can be sent. Make the photograph smaller."
        )
        told = header(scope, b"content-length")
        if told.isdecimal() and int(told) > self._bytes:
            await refusal(refused, {"Connection": "close"})(scope, receive, send)
            return
        received, is_begun = 0, False

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._bytes:
                raise refused
            return message

        async def send_unless_too_large(message: Message) -> None:
            """Whoever reads the body may make another error of the refusal."""
            nonlocal is_begun
            if received <= self._bytes or is_begun:
                is_begun = True
                await send(message)

        with contextlib.suppress(TooLarge):
            await self._app(scope, receive_limited, send_unless_too_large)
        if received > self._bytes and not is_begun:
            await refusal(refused, {"Connection": "close"})(scope, receive, send)
