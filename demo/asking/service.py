"""Answers queries, as many at a time as there is room for."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

import pyarrow as pa

from demo.asking import admission
from demo.asking.admission import Admission, Place
from demo.asking.pixels import PixelBudget
from demo.asking.query import Found, Query
from demo.catalogue import Catalogue
from demo.measurements import Measurements
from demo.refusals import Busy, Refused, Unavailable, shown
from pipeline.step_times import StepTimes

# Columns that tell of the server, or help nobody.
_HIDDEN = ("shard", "offset", "content")

_log = logging.getLogger(__name__)


class Service:
    """Answers queries.

    Args:
        catalogue: What can be searched.
        measurements: Told of every query.
        room: Where what is asked takes its place.
        pixels: Of the photographs that are looked at at a time.
        seconds: From its turn to wait on, after which no further step of a query begins.
        client: Tells who asks what has no place yet: what Gradio's queue brings.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        measurements: Measurements,
        *,
        room: Admission | None = None,
        pixels: int = 200_000_000,
        seconds: float = 30.0,
        client: Callable[[], str] = lambda: "",
    ) -> None:
        self._catalogue = catalogue
        self._measurements = measurements
        self.room = room or Admission(at_once=16, queue=64)
        self.seconds = seconds
        self.pixels = PixelBudget(pixels)
        self._client = client

    def ask(self, query: Query | Callable[[], Query], pixels: int = 0) -> Found:
        """Answers a query.

        Args:
            query: Or what reads it, its photograph for one; that is done in the query's turn.
            pixels: Of the photograph, where it is read and somebody sent it.

        Raises:
            Refused: If it cannot be answered, with a text for the user; ``Busy`` where there are
                too many at once, or it took too long.
        """
        with self._measurements.query(), self.work(pixels) as times:
            found = self._answered(_read(query, times), times)
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
    def work(self, pixels: int = 0) -> Iterator[StepTimes]:
        """A turn for what costs much; within one, that very turn.

        Args:
            pixels: Of a photograph that somebody sent and that the block decodes.

        Yields:
            The steps, which end the block when there is no time left.

        Raises:
            Refused: If there is no room or no time.
        """
        try:
            with self._turn() as place:
                until = place.since + self.seconds
                with self.pixels.hold(pixels, max(0.0, until - time.monotonic())):
                    yield StepTimes(deadline=until)
        except TimeoutError as error:
            raise Busy(
                f"This took longer than {self.seconds:.0f} seconds. Try again, or with fewer "
                "switches."
            ) from error

    @contextlib.contextmanager
    def _turn(self) -> Iterator[Place]:
        place = admission.held()
        if place is not None:  # a request's, whose turn has come
            yield place
            return
        with self.room.place(self._client()) as place:
            place.wait(self.seconds)
            yield place

    def _answered(self, query: Query, times: StepTimes) -> Found:
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
        except TimeoutError:
            raise
        except OSError as error:
            _log.warning("A query of %s failed: %s", query.method, error)
            raise Unavailable(
                "Something that this search needs is missing on the server; its log tells more."
            ) from error
        except ValueError as error:
            raise shown(error) from error
        return Found(answer=answer, steps=tuple(times.steps), method=method)


def _read(query: Query | Callable[[], Query], times: StepTimes) -> Query:
    if isinstance(query, Query):
        return query
    with times.step("photograph"):
        return query()


def _columns(schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if name not in _HIDDEN]
