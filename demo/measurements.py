"""Counts and durations, as Prometheus reads them.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

import bisect
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import psutil

from demo.refusals import Refused
from pipeline.step_times import Step

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds


class _Histogram:
    """Durations, counted by bounds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect.bisect_left(_BOUNDS, seconds)] += 1
        self.sum += seconds

    def lines(self, name: str, label: str) -> Iterator[str]:
        total = 0
        before = f"{label}," if label else ""
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self.counts, strict=True):
            total += count
            yield f'{name}_bucket{{{before}le="{bound}"}} {total}'
        labels = f"{{{label}}}" if label else ""
        yield f"{name}_sum{labels} {self.sum:.6f}"
        yield f"{name}_count{labels} {total}"


class Measurements:
    """What the server has done since it was started. Several threads may tell of it at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: Counter[int] = Counter()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._queries: Counter[str] = Counter()
        self._running = 0
        self._steps: dict[str, _Histogram] = {}
        self._all = _Histogram()
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._process = psutil.Process()
        self._started = time.monotonic()

    def gauge(self, name: str, told: str, value: Callable[[], float]) -> None:
        """Has a number read whenever the measurements are."""
        self._gauges[name] = told, value

    def count_request(self, route: str, status: int) -> None:
        """Counts an answered request; ``route`` is one of few names, never a path."""
        with self._lock:
            self._requests[route, status] += 1

    def observe_step(self, step: Step) -> None:
        """Adds a step of a query."""
        with self._lock:
            self._steps.setdefault(step.name, _Histogram()).observe(step.milliseconds / 1000)

    def count_batch(self, size: int) -> None:
        """Counts queries that were described together."""
        with self._lock:
            self._batches[size] += 1

    @contextlib.contextmanager
    def query(self) -> Iterator[None]:
        """Counts a query, how it ended, and how long it took."""
        start, end = time.perf_counter(), "error"
        with self._lock:
            self._running += 1
        try:
            yield
            end = "answered"
        except Refused:
            end = "refused"
            raise
        finally:
            with self._lock:
                self._running -= 1
                self._queries[end] += 1
                self._all.observe(time.perf_counter() - start)

    def text(self) -> str:
        """All of it, in Prometheus' text format."""
        with self._lock:
            return "\n".join([*self._lines(), ""])

    def _lines(self) -> Iterator[str]:
        yield from _head("landmark_requests_total", "counter", "Answered requests.")
        for (route, status), count in sorted(self._requests.items()):
            yield f'landmark_requests_total{{route="{route}",status="{status}"}} {count}'
        yield from _head("landmark_queries_total", "counter", "Queries, by how they ended.")
        for end in ("answered", "refused", "error"):
            yield f'landmark_queries_total{{end="{end}"}} {self._queries[end]}'
        yield from _head("landmark_batches_total", "counter", "Queries described together.")
        for size, count in sorted(self._batches.items()):
            yield f'landmark_batches_total{{size="{size}"}} {count}'
        yield from _head("landmark_queries_running", "gauge", "Queries asked and not answered yet.")
        yield f"landmark_queries_running {self._running}"
        name = "landmark_query_seconds"
        yield from _head(name, "histogram", "What queries took, waiting for others included.")
        yield from self._all.lines(name, "")
        name = "landmark_step_seconds"
        yield from _head(name, "histogram", "What the steps of queries took.")
        for step, histogram in sorted(self._steps.items()):
            yield from histogram.lines(name, f'step="{step}"')
        for gauge, (told, value) in sorted(self._gauges.items()):
            yield from _head(gauge, "gauge", told)
            yield f"{gauge} {value():g}"
        yield from _head("landmark_memory_bytes", "gauge", "Resident memory of the server.")
        yield f"landmark_memory_bytes {self._process.memory_info().rss}"
        yield from _head("landmark_uptime_seconds", "gauge", "Since the server was started.")
        yield f"landmark_uptime_seconds {time.monotonic() - self._started:.1f}"


def _head(name: str, kind: str, told: str) -> Iterator[str]:
    yield f"# HELP {name} {told}"
    yield f"# TYPE {name} {kind}"
