"""What the steps of a query take, and a time after which none begins."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """A step that is done: its name and what it took."""

    name: str
    milliseconds: float


class StepTimes:
    """Measures the steps of one query, one after the other.

    Args:
        deadline: Of ``time.monotonic``, seconds; None for none.

    Attributes:
        steps: Those that are done, in order.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self.steps: list[Step] = []
        self._deadline = deadline

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures what the block takes.

        Raises:
            TimeoutError: If the deadline has passed; the block is not begun then.
        """
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise TimeoutError(f"There was no time left for the {name}.")
        start = time.perf_counter()
        yield
        self.steps.append(Step(name=name, milliseconds=1000 * (time.perf_counter() - start)))
