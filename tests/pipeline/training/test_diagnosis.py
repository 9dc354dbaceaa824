import logging

import numpy as np
import pytest

from pipeline.data import samplers
from pipeline.training.diagnosis import Diagnosis
from tests.pipeline.training.generated_steps import (
    LABELS,
    batches_of,
    diagnose,
    solved_after,
    steps,
)


def test_a_sound_run_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "pipeline"):
        assert diagnose(steps(count=400)) == []
    assert caplog.text == ""


def test_a_cause_is_named_again_only_after_it_has_gone_away() -> None:
    def active(number: int) -> float:
        return 0.0 if number <= 200 or number > 400 else 0.5

    diagnosis = Diagnosis(LABELS)
    run = steps(active=active, loss=lambda n: 0.0, count=600)
    found = [step.number for step in run if diagnosis.observe(step)]
    assert found == [50, 450]


def test_a_cause_that_comes_and_goes_is_named_once() -> None:
    # Of 50 steps none or one has an active tenth: 0 or 0.002 on average, around the limit.
    run = steps(active=lambda n: 0.1 if n % 60 == 0 else 0.0, loss=lambda n: 0.0, count=600)
    assert len(diagnose(run)) == 1


def test_warnings_are_logged_with_their_step(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "pipeline"):
        (warning,) = diagnose(solved_after(0))
    assert f"Step 50. {warning}" in caplog.text


def test_landmarks_with_one_photograph_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    labels = np.array([0, 0, 1, 2, 2, 3, -1, -1, -1])[:, None]
    with caplog.at_level(logging.WARNING, "pipeline"):
        Diagnosis(labels)
    assert "2 of 4 landmarks have one photograph, and 3 of 9 photographs" in caplog.text


def test_photographs_that_are_only_negatives_take_part_in_triplets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    labels = np.arange(300).reshape(100, 3)
    labels[:, 1] = labels[:, 0]  # anchor, positive, and a negative of its own

    def order(epoch: int) -> np.ndarray:
        return samplers.shuffled_batches(len(labels), 8, seed=0, epoch=epoch)

    with caplog.at_level(logging.WARNING, "pipeline"):
        assert diagnose(steps(batches_of(order, labels)), labels, alone_are_drawn=True) == []
    assert caplog.text == ""
