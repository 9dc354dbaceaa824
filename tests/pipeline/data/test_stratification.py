import numpy as np
import pytest

from pipeline.data.stratification import choose_fraction, choose_number


def _groups(*sizes: int) -> np.ndarray:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return np.random.default_rng(7).permutation(groups)


def _counts(groups: np.ndarray, chosen: np.ndarray) -> list[int]:
    assert np.array_equal(chosen, np.unique(chosen))
    return np.bincount(groups[chosen], minlength=groups.max() + 1).tolist()


def test_a_fraction_rounds_so_that_the_whole_is_the_fraction_of_the_whole() -> None:
    groups = _groups(*[25] * 8)
    counts = _counts(groups, choose_fraction(groups, 0.1, 2, np.random.default_rng(0)))
    assert sorted(counts) == [2, 2, 2, 2, 3, 3, 3, 3]  # 2.5 each make 20


def test_ties_are_drawn_by_lot() -> None:
    groups = _groups(*[25] * 8)
    drawn = {
        tuple(_counts(groups, choose_fraction(groups, 0.1, 2, np.random.default_rng(seed))))
        for seed in range(5)
    }
    assert len(drawn) > 1


def test_shares_are_as_the_sizes_and_small_groups_keep_two() -> None:
    groups = _groups(1000, 100, 10, 2, 1)
    chosen = choose_number(groups, 115, 2, np.random.default_rng(0))
    # The last three keep 2, 2, 1; 110 are left for 1100: a tenth of each.
    assert _counts(groups, chosen) == [100, 10, 2, 2, 1]


def test_all_and_one_of_each_are_the_bounds() -> None:
    groups = _groups(5, 3, 1)
    assert _counts(groups, choose_number(groups, 9, 2, np.random.default_rng(0))) == [5, 3, 1]
    assert _counts(groups, choose_number(groups, 3, 2, np.random.default_rng(0))) == [1, 1, 1]
    for number in (2, 10):
        with pytest.raises(ValueError, match=f"3 groups and at most all 9. Received: {number}"):
            choose_number(groups, number, 2, np.random.default_rng(0))


@pytest.mark.parametrize("number", range(50, 200, 7))
def test_the_number_is_met_exactly_whatever_the_sizes(number: int) -> None:
    rng = np.random.default_rng(number)
    groups = _groups(*rng.integers(1, 20, 50).tolist())
    chosen = choose_number(groups, min(number, len(groups)), 2, rng)
    assert len(chosen) == min(number, len(groups))
    assert min(_counts(groups, chosen)) >= 1
