"""How often one client may ask."""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Scope

from demo.protection.answering import Guard, header
from demo.refusals import TooOften

_CLIENTS = 10_000  # that are remembered
_SHARE_OF_OTHERS = 20  # photographs of a gallery, and the page's own files
_IPV6_PREFIX = 64  # one household has that many addresses


class Buckets:
    """So many requests a minute for every client, at once or one by one.

    Args:
        per_minute: How many.
        now: Seconds, of a clock that only goes forward.
    """

    def __init__(self, per_minute: float, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # and when
        self._lock = threading.Lock()

    def take(self, client: str) -> float:
        """Takes one of a client's requests.

        Returns:
            Seconds until there is one again; 0 where one was taken.
        """
        now, rate = self._now(), self._per_minute / 60
        with self._lock:
            left, when = self._left.pop(client, (self._per_minute, now))
            left = min(self._per_minute, left + (now - when) * rate)
            is_there = left >= 1
            self._left[client] = (left - 1 if is_there else left), now
            while len(self._left) > _CLIENTS:
                self._left.popitem(last=False)
        return 0.0 if is_there else (1 - left) / rate


class RateLimit(Guard):
    """Refuses clients that ask too often.

    Args:
        app: What is asked.
        per_minute: Searches, uploads and whatever else a client posts; 20 times as much of all
            else.
        is_behind_proxy: Whether a proxy of one's own tells, as the last of X-Forwarded-For, who
            asks. Without one, anybody could write that header.
    """

    def __init__(self, app: ASGIApp, *, per_minute: float, is_behind_proxy: bool) -> None:
        super().__init__(app)
        self._posts = Buckets(per_minute)
        self._others = Buckets(per_minute * _SHARE_OF_OTHERS)
        self._is_behind_proxy = is_behind_proxy

    async def check(self, scope: Scope) -> None:
        """Counts a request."""
        buckets = self._posts if scope["method"] == "POST" else self._others
        seconds = buckets.take(client_of(scope, self._is_behind_proxy))
        if seconds:
            raise TooOften(
                f"That was often. Wait {max(1, round(seconds))} s, then try again.", seconds
            )


def client_of(scope: Scope, is_behind_proxy: bool) -> str:
    """Who asks: an address, or of IPv6 the network that one household has."""
    written = scope["client"][0] if scope.get("client") else ""
    if is_behind_proxy:
        written = header(scope, b"x-forwarded-for").rpartition(",")[2].strip() or written
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return written
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
