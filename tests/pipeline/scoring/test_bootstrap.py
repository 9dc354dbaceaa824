import numpy as np
import pytest

from pipeline.scoring import bootstrap


def interval(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    found = bootstrap.interval(values, groups)
    assert found is not None
    return found


def test_the_interval_of_single_queries_is_that_of_the_normal_approximation() -> None:
    """Of 400 scores of deviation 0.1 the mean has one of 0.1 / 20; 95 % lie within 1.96 of it."""
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    low, high = interval(values, np.arange(400))
    error = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - error, abs=0.001)
    assert high == pytest.approx(values.mean() + error, abs=0.001)


def test_queries_that_stand_together_make_it_wider() -> None:
    """Twenty landmarks, each found or missed as a whole: as wide as of 20 queries, not of 400."""
    values = np.repeat(np.arange(20) % 2, 20).astype(float)
    together = interval(values, np.repeat(np.arange(20), 20))
    apart = interval(values, np.arange(400))
    alone = interval(np.arange(20) % 2 * 1.0, np.arange(20))
    assert together == pytest.approx(alone)
    ratio = (together[1] - together[0]) / (apart[1] - apart[0])
    assert ratio == pytest.approx(20**0.5, rel=0.1)


def test_it_is_drawn_as_a_loop_over_whole_groups_would_draw_it() -> None:
    generator = np.random.default_rng(1)
    groups = generator.integers(0, 9, 60)
    values = generator.random(60)
    members = [values[groups == group] for group in np.unique(groups)]
    means = []
    for _ in range(4000):
        drawn = [members[n] for n in generator.integers(0, len(members), len(members))]
        means.append(np.concatenate(drawn).mean())
    expected = np.quantile(means, [0.025, 0.975])
    np.testing.assert_allclose(interval(values, groups), expected, atol=0.01)


def test_it_is_the_same_however_much_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    values, groups = np.random.default_rng(2).random(30), np.arange(30)
    whole = bootstrap.interval(values, groups)
    monkeypatch.setattr(bootstrap, "_AT_A_TIME", 30 * 7)
    assert bootstrap.interval(values, groups) == whole


def test_one_group_tells_nothing_of_others() -> None:
    assert bootstrap.interval(np.array([0.2, 0.4]), np.zeros(2, int)) is None
    assert bootstrap.interval(np.array([0.2, 0.4]), np.full(2, 7)) is None


def test_groups_without_queries_are_not_drawn() -> None:
    values = np.array([0.0, 1.0, 1.0])
    sparse = bootstrap.interval(values, np.array([0, 7, 20]))
    assert sparse == bootstrap.interval(values, np.arange(3))


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="of a query at least"):
        bootstrap.interval(np.zeros(0), np.zeros(0, int))
