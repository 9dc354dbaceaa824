import time

import pytest

from pipeline.step_times import StepTimes


def test_steps_are_told_in_order_with_what_they_took() -> None:
    times = StepTimes()
    with times.step("one"):
        time.sleep(0.02)
    with times.step("two"):
        pass
    assert [step.name for step in times.steps] == ["one", "two"]
    assert times.steps[0].milliseconds >= 20
    assert times.steps[1].milliseconds < times.steps[0].milliseconds


def test_no_step_begins_after_the_deadline() -> None:
    times = StepTimes(deadline=time.monotonic() - 1)
    with pytest.raises(TimeoutError, match="no time left for the search"), times.step("search"):
        raise AssertionError("it was begun")
    assert times.steps == []


def test_a_step_that_fails_is_not_told() -> None:
    times = StepTimes(deadline=time.monotonic() + 60)
    with pytest.raises(RuntimeError), times.step("search"):
        raise RuntimeError
    assert times.steps == []
