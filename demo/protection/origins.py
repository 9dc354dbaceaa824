"""Requests that another site's page has a visitor's browser make are refused."""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Scope

from demo.protection.answering import Guard, header
from demo.refusals import Refused

_SAFE = ("GET", "HEAD", "OPTIONS")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Forbidden(Refused):
    """Asked from where it may not be."""

    status = 403


class OwnOrigin(Guard):
    """Lets a browser post only from the page itself; programs name no origin and may post.

    Args:
        app: What is posted to.
        is_local: Whether it serves this machine alone. Then it has to be called by one of this
            machine's names, so that a name which another site points here does not lead to it.
    """

    def __init__(self, app: ASGIApp, *, is_local: bool) -> None:
        super().__init__(app)
        self._is_local = is_local

    async def check(self, scope: Scope) -> None:
        """Compares where a request is from with where it goes."""
        try:
            host = urlsplit(f"//{header(scope, b'host')}")
        except ValueError as error:
            raise Refused("The request names no host that can be read.") from error
        if self._is_local and host.hostname not in _LOOPBACK:
            raise Forbidden(f"This page serves {_LOOPBACK[0]} alone; pass --host to serve others.")
        if scope["method"] in _SAFE:
            return
        origin = header(scope, b"origin")
        is_other = bool(origin) and _host_of(origin) != host.netloc
        if is_other or header(scope, b"sec-fetch-site") in ("cross-site", "same-site"):
            raise Forbidden("Another site may not do this here.")


def _host_of(origin: str) -> str | None:
    """Host and port; None where it is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a server on this address serves its own machine alone."""
    return host in _LOOPBACK
