"""Bags of words against dense vectors."""

import numpy as np
import pytest

from models.words import bags
from models.words.bags import Bags

# Three photographs of five words, the second of which shows nothing.
BAGS = bags.concatenate(
    [
        Bags.of_one(np.array([1, 4]), np.array([0.6, 0.8]), np.array([[1], [2]], np.uint8), 5),
        Bags.empty(1, 5, code_bytes=1),
        Bags.of_one(np.array([0]), np.array([1.0]), np.array([[3]], np.uint8), 5),
    ]
)
DENSE = np.array([[0, 0.6, 0, 0, 0.8], [0] * 5, [1, 0, 0, 0, 0]], np.float32)


def test_bags_stand_for_dense_vectors() -> None:
    assert BAGS.shape == (3, 5)
    assert BAGS.code_bytes == 1
    np.testing.assert_array_equal(BAGS.dense(), DENSE)
    np.testing.assert_allclose(BAGS.lengths, [1, 0, 1], atol=1e-7)
    np.testing.assert_array_equal(BAGS.counts, [2, 0, 1])


@pytest.mark.parametrize(
    "rows",
    [
        np.array([2, 0, 2]),
        np.array([], np.int64),
        np.array([False, True, True]),
        slice(0, 2),
        slice(2, 3),
        slice(None, None, -1),
    ],
)
def test_rows_are_those_of_the_dense_vectors(rows: np.ndarray | slice) -> None:
    chosen = BAGS[rows]
    np.testing.assert_array_equal(chosen.dense(), DENSE[rows])
    codes = {1: 1, 4: 2, 0: 3}  # of each word
    assert [codes[word] for word in chosen.words.tolist()] == chosen.codes[:, 0].tolist()


def test_parts_joined_are_the_whole() -> None:
    joined = bags.concatenate([BAGS[:1], Bags.none(5, 1), BAGS[1:], BAGS[:1]])
    np.testing.assert_array_equal(joined.dense(), np.concatenate([DENSE, DENSE[:1]]))
    np.testing.assert_array_equal(joined.codes[:, 0], [1, 2, 3, 1, 2])
