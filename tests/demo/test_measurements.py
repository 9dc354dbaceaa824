import pytest

from demo.measurements import Measurements
from demo.refusals import Refused
from pipeline.step_times import Step


def values(measurements: Measurements) -> dict[str, float]:
    lines = [line for line in measurements.text().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_durations_are_counted_up_to_each_bound() -> None:
    measurements = Measurements()
    for milliseconds in (0.5, 1.0, 30.0, 40.0, 20_000.0):
        measurements.observe_step(Step(name="search", milliseconds=milliseconds))
    told = values(measurements)
    bucket = 'landmark_step_seconds_bucket{{step="search",le="{}"}}'
    # Of .5 and 1 ms both are at most 1 ms; 30 and 40 join at 50 ms; 20 s is beyond all bounds.
    expected = {"0.001": 2, "0.002": 2, "0.02": 2, "0.05": 4, "10.0": 4, "+Inf": 5}
    assert {bound: told[bucket.format(bound)] for bound in expected} == expected
    assert told['landmark_step_seconds_count{step="search"}'] == 5
    assert told['landmark_step_seconds_sum{step="search"}'] == pytest.approx(20.0715)


def test_queries_are_counted_by_how_they_end() -> None:
    measurements = Measurements()
    with measurements.query():
        assert values(measurements)["landmark_queries_running"] == 1
    with pytest.raises(Refused), measurements.query():
        raise Refused("no")
    with pytest.raises(RuntimeError), measurements.query():
        raise RuntimeError
    told = values(measurements)
    ends = ("answered", "refused", "error")
    assert [told[f'landmark_queries_total{{end="{end}"}}'] for end in ends] == [1, 1, 1]
    assert told["landmark_queries_running"] == 0
    assert told["landmark_query_seconds_count"] == 3


def test_requests_batches_and_gauges_are_told() -> None:
    measurements = Measurements()
    measurements.count_request("page", 200)
    measurements.count_request("page", 200)
    measurements.count_request("api", 404)
    measurements.count_batch(3)
    measurements.gauge("landmark_uploads_kept", "Uploads.", lambda: 7)
    told = values(measurements)
    assert told['landmark_requests_total{route="page",status="200"}'] == 2
    assert told['landmark_requests_total{route="api",status="404"}'] == 1
    assert told['landmark_batches_total{size="3"}'] == 1
    assert told["landmark_uploads_kept"] == 7
    assert told["landmark_memory_bytes"] > 1e6


def test_every_number_has_a_kind_and_a_text() -> None:
    text = Measurements().text()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    kinds = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert names == kinds
    assert {"landmark_query_seconds", "landmark_memory_bytes"} <= names
    assert text.endswith("\n")
