import numpy as np

from pipeline.data.checks import copies


def contents(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def test_exact_groups_are_numbered_by_their_first_photographs() -> None:
    assert copies.exact_groups(contents(9, 5, 7, 5, 9, 9, 1)).tolist() == [0, 1, -1, 1, 0, 0, -1]


def test_without_photographs_there_are_no_groups() -> None:
    nothing = np.zeros(0, np.int64)
    splits = np.zeros(0, np.str_)
    assert copies.exact_groups(contents()).tolist() == []
    hashes, detailed = np.zeros((0, 4), np.uint64), np.zeros(0, bool)
    assert copies.near_groups(contents(), hashes, detailed).tolist() == []
    assert copies.within(nothing, contents()).tolist() == []
    assert copies.later_copies(nothing, splits).tolist() == []
    assert copies.trained_copies(nothing, splits).tolist() == []
    assert copies.across_splits(nothing, splits).tolist() == []


def test_near_groups_hold_all_copies_of_their_photographs_but_copies_alone_make_none() -> None:
    generator = np.random.default_rng(0)
    first, other = generator.integers(0, 2**64, (2, 4), np.uint64)
    near = first ^ np.array([7, 1, 0, 0], np.uint64)
    hashes = np.stack([other, first, near, other, first])
    groups = copies.near_groups(contents(8, 3, 2, 8, 3), hashes, np.ones(5, bool))
    assert groups.tolist() == [-1, 0, 0, -1, 0]
    blank = np.array([True, False, True, True, False])
    assert copies.near_groups(contents(8, 3, 2, 8, 3), hashes, blank).tolist() == [-1] * 5


def test_group_within_a_data_set_needs_two_contents_there() -> None:
    groups = np.array([4, 4, 2, 2, -1, -1])
    assert copies.within(groups, contents(1, 1, 5, 6, 7, 8)).tolist() == [-1, -1, 2, 2, -1, -1]


def test_the_copy_that_stays_is_the_first_of_the_split_that_measures() -> None:
    splits = np.array(["train", "validation", "train", "index", "query", "train", "train", "test"])
    groups = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    left_out = copies.later_copies(groups, splits)
    assert left_out.tolist() == [True, False, True, True, False, True, True, False]
    alone = np.full(8, -1)
    assert not copies.later_copies(alone, splits).any()


def test_only_training_goes_where_near_duplicates_are_across_splits() -> None:
    splits = np.array(["train", "train", "validation", "train", "train", "query", "index", "train"])
    groups = np.array([0, 0, 0, 1, 1, 2, 2, -1])
    assert np.flatnonzero(copies.trained_copies(groups, splits)).tolist() == [0, 1]
    assert copies.across_splits(groups, splits).tolist() == [0, 2]
