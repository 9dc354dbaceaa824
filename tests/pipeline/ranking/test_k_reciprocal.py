import numpy as np
import pytest

from pipeline.ranking.candidates import NONE
from pipeline.ranking.k_reciprocal import distances


def _loop(nodes: np.ndarray, vectors: np.ndarray, k: int, k_expansion: int) -> list[float]:
    """The paper's equations with Python's sets."""
    count = len(nodes)

    def near(node: int, many: int) -> set[int]:
        return {node, *(int(one) for one in nodes[node, :many] if one != NONE)}

    def reciprocal(node: int, many: int) -> set[int]:
        return {one for one in near(node, many) if node in near(one, many)}

    encoded = []
    for node in range(count):
        taken = set(reciprocal(node, k))
        for one in reciprocal(node, k):
            further = reciprocal(one, max(1, round(k / 2)))
            if len(reciprocal(node, k) & further) >= 2 / 3 * len(further):
                taken |= further
        weights = {one: float(np.exp(vectors[node] @ vectors[one] - 1)) for one in taken}
        encoded.append({one: weight / sum(weights.values()) for one, weight in weights.items()})
    means = []
    for node in range(count):
        among = near(node, k_expansion - 1)
        means.append(
            [sum(encoded[one].get(at, 0.0) for one in among) / len(among) for at in range(count)]
        )
    found = []
    for node in range(1, count):
        least = sum(map(min, means[0], means[node]))
        found.append(1 - least / sum(map(max, means[0], means[node])))
    return found


@pytest.mark.parametrize("count", [2, 3, 6, 30])
@pytest.mark.parametrize("k_expansion", [1, 3])
def test_jaccards_distance_matches_a_loop(count: int, k_expansion: int) -> None:
    generator = np.random.default_rng(count)
    vectors = generator.normal(size=(count, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    k = 5
    nodes = np.argsort(-cosines, axis=1)[:, :k]
    nodes[np.take_along_axis(cosines, nodes, 1) == -np.inf] = NONE
    nodes[-1, 1:] = NONE  # neighbours that are no candidates
    found = distances(nodes, vectors, cosines[0, 1:], k=k, k_expansion=k_expansion, share=0)
    np.testing.assert_allclose(found, _loop(nodes, vectors, k, k_expansion), atol=1e-5)


def test_common_neighbours_are_worth_more_than_a_little_similarity() -> None:
    """Two groups; the last of the query's own is less like it than the first of the other."""
    angles = np.radians([0, 10, 20, 32, -30, -40, -50, -60])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    nodes = np.argsort(-cosines, axis=1)[:, :3]
    similarities = cosines[0, 1:]
    assert similarities[3] > similarities[2], "-30 degrees are nearer than 32"
    found = distances(nodes, vectors, similarities, k=3, k_expansion=1, share=0.3)
    assert found[2] < found[3]
    alone = distances(nodes, vectors, similarities, k=3, k_expansion=1, share=1)
    np.testing.assert_allclose(alone, 1 - similarities, atol=1e-6)


def test_who_has_no_neighbour_in_common_is_at_distance_one() -> None:
    vectors = np.eye(3, dtype=np.float32)
    nodes = np.array([[1], [0], [NONE]])
    found = distances(nodes, vectors, np.zeros(2), k=1, k_expansion=1, share=0)
    # Query and first candidate each have both, with weights 1 and exp(-1), the own the larger:
    # least = 2 exp(-1) / (1 + exp(-1)), most = 2 / (1 + exp(-1)); 1 - exp(-1) is left.
    np.testing.assert_allclose(found, [1 - np.exp(-1), 1], rtol=1e-6)
