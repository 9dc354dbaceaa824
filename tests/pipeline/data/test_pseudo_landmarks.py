import numpy as np

from pipeline.data.pseudo_landmarks import apart, join_pairs, unusable_triplets


def test_pairs_are_joined_through_others_and_negatives_are_not() -> None:
    # 0-1 and 1-2 are pairs, so 0, 1 and 2 show one landmark; 4-5 another; 3 and 6 are negatives.
    triplets = np.array([[0, 1, 3], [2, 1, 6], [4, 5, 0]])
    assert join_pairs(triplets, 7).tolist() == [0, 0, 0, -1, 1, 1, -1]


def test_groups_are_numbered_as_their_first_photographs_are() -> None:
    assert join_pairs(np.array([[3, 2, 0], [1, 4, 0]]), 5).tolist() == [-1, 0, 1, 1, 0]


def test_triplets_that_say_nothing_or_the_opposite_are_found() -> None:
    triplets = np.array([[0, 1, 3], [2, 1, 0], [3, 3, 0], [4, 5, 0]])
    labels = join_pairs(triplets, 6)
    degenerate, contradictory = unusable_triplets(triplets, labels)
    assert degenerate.tolist() == [False, False, True, False]
    # 0 is the negative of 2, with which it is joined through 1.
    assert contradictory.tolist() == [False, True, False, False]


def test_photographs_of_no_landmark_get_labels_of_their_own() -> None:
    assert apart(np.array([1, -1, 0, -1, 1])).tolist() == [1, 2, 0, 3, 1]
    assert apart(np.array([-1, -1])).tolist() == [0, 1]
