"""Answers queries, as many at a time as there is room for."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

import pyarrow as pa

from demo.asking.query import Found, Query
from demo.catalogue import Catalogue
from demo.measurements import Measurements
from demo.refusals import Busy, Refused, Unavailable, shown
from pipeline.step_times import Step, StepTimes

# Columns that tell of the server, or help nobody.
_HIDDEN = ("shard", "offset", "content")

_log = logging.getLogger(__name__)


class Service:
    """Answers queries.

    Args:
        catalogue: What can be searched.
        measurements: Told of every query.
        most: Queries at a time, those that wait for others among them.
        seconds: After which no further step of a query begins.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        measurements: Measurements,
        *,
        most: int = 64,
        seconds: float = 30.0,
    ) -> None:
        self._catalogue = catalogue
        self._measurements = measurements
        self._room = threading.BoundedSemaphore(most)
        self._seconds = seconds

    def ask(self, query: Query) -> Found:
        """Answers a query.

        Raises:
            Refused: If it cannot be answered, with a text for the user; ``Busy`` where there are
                too many at once, or it took too long.
        """
        with self._measurements.query(), self._admitted():
            found = self._answered(query)
        for step in found.steps:
            self._measurements.observe_step(step)
        return found

    def columns(self, method: str) -> list[str]:
        """What conditions may be on, of a method's collection.

        Raises:
            Refused: If there is no such method, or it cannot be opened.
        """
        return _columns(self._catalogue.engine(method).collection.schema)

    @contextlib.contextmanager
    def _admitted(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise Busy("Too many people are searching at the moment. Try again in a few seconds.")
        try:
            yield
        finally:
            self._room.release()

    def _answered(self, query: Query) -> Found:
        times = StepTimes(deadline=time.monotonic() + self._seconds)
        if query.milliseconds_read:
            times.steps.append(Step(name="photograph", milliseconds=query.milliseconds_read))
        method = self._catalogue.method(query.method)
        engine = self._catalogue.engine(query.method, query.verify)
        columns = _columns(engine.collection.schema)
        for condition in query.where:
            if condition.column not in columns:
                raise Refused(
                    f"{condition} is on no column of the collection, which has "
                    f"{', '.join(columns)}."
                )
        try:
            answer = engine.ask(
                query.photograph,
                query.k,
                query.box,
                query.where,
                without=query.without,
                ranking=query.ranking,
                times=times,
            )
        except TimeoutError as error:
            raise Busy(
                f"This took longer than {self._seconds:.0f} seconds. Try again, or with fewer "
                "switches."
            ) from error
        except OSError as error:
            _log.warning("A query of %s failed: %s", query.method, error)
            raise Unavailable(
                "Something that this search needs is missing on the server; its log tells more."
            ) from error
        except ValueError as error:
            raise shown(error) from error
        return Found(answer=answer, steps=tuple(times.steps), method=method)


def _columns(schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if name not in _HIDDEN]
