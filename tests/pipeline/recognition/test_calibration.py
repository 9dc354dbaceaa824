import numpy as np
import pytest

from pipeline.recognition import calibration


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, their probabilities, and what holds, drawn with them."""
    generator = np.random.default_rng(seed)
    scores = generator.uniform(-1, 1, count)
    probabilities = 1 / (1 + np.exp(-(6 * scores - 2)))
    return scores, probabilities, generator.random(count) < probabilities


def test_the_function_that_drew_the_labels_is_found_again() -> None:
    scores, _, holds = drawn(40_000, 0)
    found = calibration.fit(scores, holds)
    assert found.slope == pytest.approx(6, rel=0.05)
    assert found.intercept == pytest.approx(-2, rel=0.05)


def test_probabilities_of_other_scores_are_right() -> None:
    scores, _, holds = drawn(4000, 0)
    others, true, outcomes = drawn(4000, 1)
    predicted = calibration.fit(scores, holds).probabilities(others)
    np.testing.assert_allclose(predicted, true, atol=0.05)
    assert calibration.reliability(predicted, outcomes).error < 0.03


def test_scores_that_tell_all_stay_finite_and_short_of_certain() -> None:
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    probabilities = calibration.fit(scores, scores > 0.5).probabilities(scores)
    assert np.all(np.diff(probabilities) > 0)
    assert 0 < probabilities[0] < 0.5 < probabilities[-1] < 0.95


def test_where_nothing_was_found_nothing_is_likely() -> None:
    found = calibration.Logistic(slope=2.0, intercept=1.0)
    np.testing.assert_allclose(
        found.probabilities(np.array([-np.inf, 0.0])), [0, 1 / (1 + np.exp(-1))]
    )


def test_reliability_is_the_mean_gap_over_bins_of_as_many_each() -> None:
    probabilities = np.repeat(np.linspace(0.05, 0.95, 10), 100)
    holds = np.concatenate([np.arange(100) < 100 * share for share in np.linspace(0.05, 0.95, 10)])
    right = calibration.reliability(probabilities, holds)
    assert right.error == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(right.predicted, right.true)
    too_sure = calibration.reliability(np.full(10, 0.9), np.arange(10) < 4)
    assert too_sure.brier == pytest.approx(0.4 * 0.01 + 0.6 * 0.81)
    # Ten bins of one each.
    assert too_sure.error == pytest.approx(0.4 * 0.1 + 0.6 * 0.9)
