"""How many pixels are held at a time: every one takes some bytes, several times while described."""

import contextlib
import threading
from collections.abc import Iterator

from demo.refusals import Busy


class PixelBudget:
    """Has threads wait until there is room for their photographs.

    Args:
        most: Pixels of all of them together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def hold(self, pixels: int, seconds: float) -> Iterator[None]:
        """Room for so many pixels, while the block runs; a larger photograph has it all.

        Raises:
            Busy: If there is none in time.
        """
        wanted = min(pixels, self._most)
        with self._changed:
            if not self._changed.wait_for(lambda: self._taken + wanted <= self._most, seconds):
                raise Busy("Too many large photographs are looked at. Try again in a few seconds.")
            self._taken += wanted
        try:
            yield
        finally:
            with self._changed:
                self._taken -= wanted
                self._changed.notify_all()
