"""t-SNE: its gradient, its neighbours, and that it keeps groups apart."""

import numpy as np
import pytest

from pipeline.reports import embedding_map


def squared_distances(points: np.ndarray) -> np.ndarray:
    return np.square(points[:, None] - points).sum(axis=2)


def groups(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances of points in ten dimensions, and their groups."""
    generator = np.random.default_rng(0)
    centres = 4 * generator.normal(size=(count, 1, 10))
    points = centres + generator.normal(size=(count, size, 10))
    return squared_distances(points.reshape(-1, 10)), np.repeat(np.arange(count), size)


def test_the_gradient_is_that_of_the_divergence() -> None:
    generator = np.random.default_rng(1)
    shares = embedding_map.neighbour_shares(squared_distances(generator.normal(size=(7, 3))), 2.0)
    places = generator.normal(size=(7, 2))
    _, slope = embedding_map.divergence(shares, places)
    step = 1e-6
    for row, side in np.ndindex(places.shape):
        ends = []
        for direction in (step, -step):
            moved = places.copy()
            moved[row, side] += direction
            ends.append(embedding_map.divergence(shares, moved)[0])
        assert slope[row, side] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7)


def test_nothing_diverges_from_itself() -> None:
    places = np.random.default_rng(2).normal(size=(6, 2))
    near = 1 / (1 + squared_distances(places))
    np.fill_diagonal(near, 0)
    lost, slope = embedding_map.divergence(near / near.sum(), places)
    assert lost == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(slope, 0, atol=1e-12)


def test_neighbours_are_as_many_as_the_perplexity_says() -> None:
    """Of points on a ring all are alike, so that half the symmetric shares are each one's own."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = squared_distances(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    shares = embedding_map.neighbour_shares(ring, 8.0)
    assert shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(shares, shares.T)
    assert np.all(np.diag(shares) == 0)
    own = shares[0] * 40
    entropy = -np.sum(own[own > 0] * np.log(own[own > 0]))
    assert np.exp(entropy) == pytest.approx(8, rel=1e-6)


def test_neighbours_of_the_same_group_stay_neighbours() -> None:
    distances, labels = groups(5, 20)
    places = embedding_map.place(distances, iterations=250)
    near = squared_distances(places)
    np.fill_diagonal(near, np.inf)
    assert np.mean(labels[near.argmin(axis=1)] == labels) > 0.97
    start = embedding_map.principal_components(distances)
    shares = embedding_map.neighbour_shares(distances, 30.0)
    lost = [embedding_map.divergence(shares, one)[0] for one in (places, start)]
    assert lost[0] < lost[1], "it is better than where it starts"


def test_the_map_is_the_same_each_time() -> None:
    distances, _ = groups(3, 6)
    np.testing.assert_array_equal(
        embedding_map.place(distances, iterations=50), embedding_map.place(distances, iterations=50)
    )


def test_principal_components_are_those_of_the_vectors() -> None:
    points = np.random.default_rng(5).normal(size=(12, 4)) * [5, 2, 1, 0.5]
    left, sizes, _ = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    found = embedding_map.principal_components(squared_distances(points))
    np.testing.assert_allclose(np.abs(found), np.abs(left[:, :2] * sizes[:2]), atol=1e-9)
    assert np.all(found[np.abs(found).argmax(axis=0), [0, 1]] > 0)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_few_or_equal_points_have_places_too(count: int) -> None:
    apart = squared_distances(np.arange(count, dtype=float)[:, None])
    for distances in (apart, np.zeros((count, count))):
        places = embedding_map.place(distances, iterations=20)
        assert places.shape == (count, 2)
        assert np.isfinite(places).all()
