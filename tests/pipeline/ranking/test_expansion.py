import numpy as np
import pytest

from pipeline.ranking.expansion import expanded


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
def test_expansion_matches_a_loop(count: int, alpha: float) -> None:
    generator = np.random.default_rng(count)
    vectors, neighbours = _unit(generator, (count, 8)), _unit(generator, (count, 4, 8))
    similarities = np.einsum("nd,nkd->nk", vectors, neighbours)
    similarities[0, 3] = -np.inf  # none there
    found = expanded(vectors, neighbours, similarities, alpha)
    for row in range(count):
        total = vectors[row].astype(float)
        for place in range(4):
            if np.isfinite(similarities[row, place]):
                weight = max(float(similarities[row, place]), 0.0) ** alpha
                total = total + weight * neighbours[row, place]
        np.testing.assert_allclose(found[row], total / np.linalg.norm(total), rtol=1e-5)


def test_the_vector_itself_takes_part_with_the_weight_one() -> None:
    # (1, 0) + .5^2 (0, 1) = (1, .25); its length is sqrt(17) / 4.
    found = expanded(np.array([[1.0, 0.0]]), np.array([[[0.0, 1.0]]]), np.array([[0.5]]), 2)
    np.testing.assert_allclose(found, [[4 / 17**0.5, 1 / 17**0.5]])


def test_a_vector_that_its_neighbours_cancel_stays() -> None:
    vectors = np.array([[1.0, 0.0]])
    np.testing.assert_array_equal(expanded(vectors, -vectors[None], np.array([[0.5]]), 0), vectors)


def test_without_neighbours_nothing_changes() -> None:
    vectors = _unit(np.random.default_rng(0), (3, 4))
    none = np.full((3, 2), -np.inf)
    found = expanded(vectors, np.zeros((3, 2, 4), np.float32), none, 0)
    np.testing.assert_allclose(found, vectors, rtol=1e-6)


def _unit(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    vectors = generator.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
