import numpy as np
import pytest

from pipeline.ranking.candidates import NONE, among, graph


def test_a_query_takes_its_place_in_its_candidates_lists() -> None:
    keys, similarities = np.array([7, 3, 9]), np.array([0.9, 0.5, 0.2])
    nearest = np.array([[3, 5], [7, 9], [3, -1]])
    nearest_similarities = np.array([[0.95, 0.6], [0.95, 0.4], [0.4, -np.inf]])
    nodes, weights = graph(keys, similarities, nearest, nearest_similarities)
    # Nodes: the query 0; 7, 3 and 9 are 1, 2 and 3; 5 is no candidate.
    # To 7 the query is second, .9, and drives 5 out; to 3 too, before 9; to 9 it is .2, second.
    np.testing.assert_array_equal(nodes, [[1, 2], [2, 0], [1, 0], [2, 0]])
    np.testing.assert_array_equal(weights, [[0.9, 0.5], [0.95, 0.9], [0.95, 0.5], [0.4, 0.2]])


def test_a_neighbour_that_is_no_candidate_keeps_its_place() -> None:
    nodes, weights = graph(
        np.array([4]), np.array([0.1]), np.array([[8, 6]]), np.array([[0.9, 0.8]])
    )
    np.testing.assert_array_equal(nodes, [[1, NONE], [NONE, NONE]])
    np.testing.assert_array_equal(weights, [[0.1, -np.inf], [-np.inf, -np.inf]])


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_among_all_photographs_the_lists_are_those_of_all(count: int) -> None:
    generator = np.random.default_rng(count)
    vectors = generator.normal(size=(count + 1, 6))
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    k = 3
    others = cosines[1:, 1:]
    order = np.argsort(-others, axis=1)[:, :k]
    lists = np.full((count, k), -1)
    scores = np.full((count, k), -np.inf)
    lists[:, : order.shape[1]] = order
    scores[:, : order.shape[1]] = np.take_along_axis(others, order, 1)
    lists[~np.isfinite(scores)] = -1  # itself
    nodes, _ = graph(np.arange(count), cosines[0, 1:], lists, scores)
    for node in range(count + 1):
        wanted = [other for other in np.argsort(-cosines[node])[:k] if other != node]
        assert [one for one in nodes[node].tolist() if one != NONE] == wanted


def test_candidates_are_numbered_by_their_places() -> None:
    found = among(np.array([7, 3, 9]), np.array([[3, 9], [8, -1], [7, 3]]))
    np.testing.assert_array_equal(found, [[1, 2], [NONE, NONE], [0, 1]])
