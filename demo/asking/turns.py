"""What a request on the event loop does in its turn: in a thread, and only if somebody waits."""

from collections.abc import Callable
from typing import TypeVar

import anyio
from starlette.requests import Request

from demo.asking.admission import Admission, held
from demo.refusals import Refused

Done = TypeVar("Done")


class Turns:
    """Has requests worked at in threads of their own, which nothing else waits for.

    Args:
        admission: Where the requests have their places.
        seconds: That one waits for its turn.
    """

    def __init__(self, admission: Admission, seconds: float) -> None:
        self._seconds = seconds
        self._threads = anyio.CapacityLimiter(admission.at_once)

    async def run(self, request: Request, work: Callable[[], Done]) -> Done:
        """What a function gives, run when the request's turn has come.

        Raises:
            Refused: If the turn does not come in time, or nobody waits for the answer any more.
        """
        place = held()
        if place is None:
            raise RuntimeError(f"{request.url.path} has no place; see Admitting.")
        await place.wait_async(self._seconds)
        if await request.is_disconnected():
            raise Refused("Nobody waits for the answer.")
        return await anyio.to_thread.run_sync(work, limiter=self._threads)
