"""Room for what is asked: some is worked at, some waits for its turn, more is refused at once."""

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextvars import ContextVar

from demo.refusals import Busy, TooOften

_SHARE_OF_ONE = (
    4  # one client may have a quarter of those that wait, besides all that are worked at
)
_AGAIN_SECONDS = 5.0  # after which a client that has too much under way may ask again
_TOO_MANY = "Too many people are searching at the moment. Try again in a few seconds."
_TOO_MANY_OF_ONE = "You have asked much at once. Wait for the answers, then ask again."

_held: ContextVar["Place | None"] = ContextVar("place", default=None)


class Place:
    """Of one question: taken when it comes, worked at when its turn has come.

    Attributes:
        client: Who asks; "" where that is unknown.
        since: When it began to wait for its turn, of ``time.monotonic``; its time counts from then.
    """

    def __init__(self, admission: "Admission", client: str) -> None:
        self.client = client
        self.since = time.monotonic()
        self.turn: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._admission = admission

    def wait(self, seconds: float) -> None:
        """Waits for the turn, in a thread.

        Raises:
            Busy: If it does not come in time.
        """
        self._admission.line_up(self)
        try:
            self.turn.result(seconds)
        except TimeoutError as error:
            raise Busy(_TOO_MANY) from error

    async def wait_async(self, seconds: float) -> None:
        """As ``wait``, on the event loop."""
        self._admission.line_up(self)
        try:
            await asyncio.wait_for(asyncio.wrap_future(self.turn), seconds)
        except TimeoutError as error:
            raise Busy(_TOO_MANY) from error


class Admission:
    """Lets questions in, those that come by an event loop and those that come by threads alike.

    Args:
        at_once: That are worked at.
        queue: That wait for their turn, or whose photograph is still on its way.
    """

    def __init__(self, *, at_once: int, queue: int) -> None:
        self.at_once = at_once
        self.most = at_once + queue
        self._most_of_one = at_once + max(1, queue // _SHARE_OF_ONE)
        self._lock = threading.Lock()
        self._of_clients: Counter[str] = Counter()
        self._waiting: deque[Place] = deque()
        self._places: set[Place] = set()
        self._working: set[Place] = set()

    @contextlib.contextmanager
    def place(self, client: str = "") -> Iterator[Place]:
        """A place, while the block runs; within it, ``held`` gives it.

        Raises:
            Busy: If there is none.
            TooOften: If the client has its share.
        """
        place = self._enter(client)
        token = _held.set(place)
        try:
            yield place
        finally:
            _held.reset(token)
            self._leave(place)

    def line_up(self, place: Place) -> None:
        """Lets a place have a turn, now or when it is the first of those that wait."""
        with self._lock:
            place.since = time.monotonic()
            self._waiting.append(place)
            self._begin()

    def _enter(self, client: str) -> Place:
        with self._lock:
            if len(self._places) >= self.most:
                raise Busy(_TOO_MANY)
            if client and self._of_clients[client] >= self._most_of_one:
                raise TooOften(_TOO_MANY_OF_ONE, _AGAIN_SECONDS)
            place = Place(self, client)
            self._places.add(place)
            self._of_clients[client] += 1
        return place

    def _leave(self, place: Place) -> None:
        with self._lock:
            self._places.discard(place)
            self._working.discard(place)
            self._of_clients[place.client] -= 1
            if not self._of_clients[place.client]:
                del self._of_clients[place.client]
            if place in self._waiting:
                self._waiting.remove(place)
            self._begin()

    def _begin(self) -> None:
        while self._waiting and len(self._working) < self.at_once:
            place = self._waiting.popleft()
            if place.turn.set_running_or_notify_cancel():  # it may have waited long enough
                self._working.add(place)
                place.turn.set_result(None)


def held() -> Place | None:
    """The place that this task, or thread, has; None outside of one."""
    return _held.get()
