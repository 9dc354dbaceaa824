import numpy as np
import pytest

from pipeline.ranking.candidates import NONE
from pipeline.ranking.diffusion import affinity, diffused, start_at


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_the_graph_of_mutual_neighbours_matches_a_loop(count: int) -> None:
    generator = np.random.default_rng(count)
    vectors = generator.normal(size=(count, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    ranked = cosines - 3 * np.eye(count)
    nodes = np.argsort(-ranked, axis=1)[:, :3]
    similarities = np.take_along_axis(ranked, nodes, 1)
    nodes[similarities < -1] = NONE  # itself
    weights = np.zeros((count, count))
    for one in range(count):
        for other in range(count):
            if other in nodes[one] and one in nodes[other] and cosines[one, other] > 0:
                weights[one, other] = cosines[one, other] ** 3
    degrees = weights.sum(axis=1)
    expected = np.zeros((count, count))
    for one in range(count):
        for other in range(count):
            if weights[one, other]:
                expected[one, other] = weights[one, other] / np.sqrt(degrees[one] * degrees[other])
    np.testing.assert_allclose(affinity(nodes, similarities).toarray(), expected, atol=1e-12)


def test_diffusion_solves_the_system() -> None:
    nodes = np.array([[1, 2], [0, 2], [0, 1], [4, NONE], [3, NONE]])
    similarities = np.array([[0.9, 0.5], [0.9, 0.6], [0.5, 0.6], [0.8, -np.inf], [0.8, -np.inf]])
    graph, start = affinity(nodes, similarities), np.array([1.0, 0, 0, 0, 0])
    found = diffused(graph, start, 0.9)
    np.testing.assert_allclose(found - 0.9 * graph @ found, start, atol=1e-5)
    assert found[0] > found[1] > 0
    np.testing.assert_array_equal(found[3:], 0)  # no path leads there


def test_of_a_pair_the_solution_is_known() -> None:
    # S = [[0, 1], [1, 0]]; (I - a S) f = (1, 0) gives f = (1, a) / (1 - a^2).
    graph = affinity(np.array([[1], [0]]), np.array([[0.5], [0.5]]))
    np.testing.assert_allclose(
        diffused(graph, np.array([1.0, 0.0]), 0.5), [1 / 0.75, 0.5 / 0.75], rtol=1e-6
    )


def test_a_chain_is_followed_where_similarity_alone_would_not() -> None:
    """The second of the chain is less like the query than a stranger, and has a friend in it."""
    nodes = np.array([[1], [0], [NONE]])
    graph = affinity(nodes, np.array([[0.9], [0.9], [-np.inf]]))
    found = diffused(graph, start_at(np.array([0.9, 0.1, 0.5]), 3))
    assert found[1] > found[2]


def test_a_query_starts_at_its_nearest_alone() -> None:
    start = start_at(np.array([0.2, 0.5, -0.1, 0.4]), 2)
    np.testing.assert_allclose(start, [0, 0.125, 0, 0.064])
    np.testing.assert_allclose(start_at(np.array([-0.5, 0.5]), 9), [0, 0.125])
