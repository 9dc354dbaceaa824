"""Exact rankings, and the recall that is measured against them."""

import numpy as np

from pipeline.index.truth import Nearest, Truth


def test_the_nearest_of_several_blocks_are_those_of_all() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(50, 4)).astype(np.float32)
    queries = generator.normal(size=(3, 4)).astype(np.float32)
    truth = Truth(queries, 7)
    for block in np.array_split(vectors, 9):  # of fewer vectors than are asked for
        truth.show(block)
    distances, rows = truth.nearest()
    squared = ((queries[:, None] - vectors) ** 2).sum(axis=2)
    np.testing.assert_array_equal(rows, np.argsort(squared, axis=1)[:, :7])
    np.testing.assert_allclose(distances, np.sort(squared, axis=1)[:, :7], rtol=1e-4)


def test_recall_counts_what_is_as_near_as_the_last() -> None:
    distances = np.array([[0.1, 0.2, 0.2, 0.2, 0.5]], np.float32)
    nearest = Nearest(distances, np.array([[7, 3, 4, 9, 1]]), k=2)
    shares = {(7, 3): 1.0, (7, 9): 1.0, (3, 9): 1.0, (7, 1): 0.5, (1, 8): 0.0, (7, 3, 4): 1.0}
    for found, share in shares.items():
        assert nearest.recalls(np.array([found])).tolist() == [share], found
    assert nearest.recalls(np.array([[-1, -1]])).tolist() == [0.0]


def test_the_ranking_of_some_queries_is_theirs() -> None:
    distances = np.arange(6, dtype=np.float32).reshape(3, 2)
    nearest = Nearest(distances, np.arange(6).reshape(3, 2), k=1).of(slice(1, None))
    assert nearest.recalls(np.array([[2], [9]])).tolist() == [1.0, 0.0]
