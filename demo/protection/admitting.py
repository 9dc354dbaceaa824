"""Requests that cost much take a place before their body is read, or are refused at once."""

from starlette.types import ASGIApp, Receive, Scope, Send

from demo.asking.admission import Admission
from demo.protection.answering import refusal
from demo.protection.rate_limit import client_of
from demo.refusals import Refused

_COSTLY = (
    *("/asked/search", "/asked/compare"),
    *("/api/search", "/api/recognise", "/uploads", "/gradio_api/upload"),
)


class Admitting:
    """Takes a place for every costly request; ``admission.held`` gives it to what answers.

    What goes through Gradio's queue takes its place in the same admission when its turn comes.

    Args:
        app: What answers.
        admission: Where places are taken.
        is_behind_proxy: As for ``RateLimit``.
    """

    def __init__(self, app: ASGIApp, *, admission: Admission, is_behind_proxy: bool) -> None:
        self._app = app
        self._admission = admission
        self._is_behind_proxy = is_behind_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on while it has a place."""
        is_costly = scope["type"] == "http" and scope["method"] == "POST"
        if not is_costly or scope["path"] not in _COSTLY:
            await self._app(scope, receive, send)
            return
        try:
            with self._admission.place(client_of(scope, self._is_behind_proxy)):
                await self._app(scope, receive, send)
        except Refused as refused:  # the application answers its own
            await refusal(refused, {"Connection": "close"})(scope, receive, send)
