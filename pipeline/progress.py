"""What a stage says while it works: plain messages, and progress with the time left."""

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

_FILE_SECONDS = 15.0

logger = logging.getLogger("pipeline")


def show_messages() -> None:
    """Shows the stages' own messages on standard error, without a prefix."""
    handler = _AboveBars()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _AboveBars(logging.Handler):
    """Gives every message a line of its own, above the bars that are shown."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


def progress(items: Iterable[Item], what: str, *, unit: str) -> Iterator[Item]:
    """Iterates over ``items`` while showing how many are done, their rate and the time left."""
    total = len(items) if isinstance(items, Sized) else None
    with progress_bar(what, unit=unit, total=total) as bar:
        for item in items:
            yield item
            bar.update()


def progress_bar(what: str, *, unit: str, total: int | None, done: int = 0) -> "tqdm[Any]":
    """A bar to be updated by hand.

    A terminal is refreshed every half second; a log file gets a line every 15 seconds, or as many
    as ``TQDM_MININTERVAL`` says, tqdm's own environment variable.
    """
    on_terminal = sys.stderr.isatty()
    of_a_file = float(os.environ.get("TQDM_MININTERVAL", _FILE_SECONDS))
    return tqdm(
        desc=what,
        unit=f" {unit}",
        total=total,
        initial=done,
        mininterval=0.5 if on_terminal else of_a_file,
        ascii=not on_terminal,
        dynamic_ncols=on_terminal,
    )
