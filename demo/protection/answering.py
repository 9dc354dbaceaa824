"""How a guard passes a request on, or answers it itself."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.refusals import Busy, Refused, TooOften


class Guard:
    """Something before an application that looks at every request. Others extend it.

    Args:
        app: What it guards.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses a request as ``check`` does, or passes it on."""
        if scope["type"] == "http":
            try:
                await self.check(scope)
            except Refused as refused:
                await refusal(refused, self.headers_of(refused))(scope, receive, send)
                return
        elif scope["type"] == "websocket":  # the page opens none
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)

    async def check(self, scope: Scope) -> None:
        """Looks at a request.

        Raises:
            Refused: If it is not to be passed on.
        """
        raise NotImplementedError

    def headers_of(self, refused: Refused) -> dict[str, str]:
        """What a refusal says besides."""
        return {}


def refusal(refused: Refused, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer that tells of a refusal."""
    headers = dict(headers or {})
    if isinstance(refused, TooOften | Busy):
        headers["Retry-After"] = str(max(1, round(refused.seconds)))
    return JSONResponse({"detail": str(refused)}, status_code=refused.status, headers=headers)


def header(scope: Scope, name: bytes) -> str:
    """A header's value, "" where there is none; of several the last."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[-1].decode("latin-1") if values else ""
