"""How much a request may send, and how slowly."""

import asyncio
import contextlib
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.protection.answering import header, refusal
from demo.refusals import Refused, TooLarge

_FIRST_SECONDS = 20.0  # that any body may take
_LEAST_PER_SECOND = 20_000  # bytes, of longer ones: a bad telephone connection


class TooSlow(Refused):
    """Sent so slowly that it seems to be meant."""

    status = 408


class BodyLimit:
    """Refuses bodies that are too large, before they are read or where they turn out so, or slow.

    Args:
        app: What would read them.
        bytes: At most.
        seconds: That any body may take; longer ones some more.
    """

    def __init__(self, app: ASGIApp, *, bytes: int, seconds: float = _FIRST_SECONDS) -> None:
        self._app = app
        self._bytes = bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on as far as it is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        too_large = TooLarge(
            f"At most {self._bytes / 1e6:.0f} MB can be sent. Make the photograph smaller."
        )
        told = header(scope, b"content-length")
        if told.isdecimal() and int(told) > self._bytes:
            await refusal(too_large, {"Connection": "close"})(scope, receive, send)
            return
        received, is_whole, is_begun = 0, False, False
        refused: Refused | None = None
        start = time.monotonic()

        async def receive_limited() -> Message:
            nonlocal received, is_whole, refused
            if is_whole:  # what comes then is the end of the connection
                return await receive()
            left = start + self._seconds + received / _LEAST_PER_SECOND - time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, left))
            except TimeoutError as error:
                refused = TooSlow("The photograph arrives too slowly. Try again, or a smaller one.")
                raise refused from error
            received += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if received > self._bytes:
                refused = too_large
                raise refused
            return message

        async def send_unless_refused(message: Message) -> None:
            """Whoever reads the body may make another error of the refusal."""
            nonlocal is_begun
            if refused is None or is_begun:
                is_begun = True
                await send(message)

        with contextlib.suppress(TooLarge, TooSlow):
            await self._app(scope, receive_limited, send_unless_refused)
        if refused is not None and not is_begun:
            await refusal(refused, {"Connection": "close"})(scope, receive, send)
