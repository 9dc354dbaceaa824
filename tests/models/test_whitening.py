import numpy as np
import pytest

from models.whitening import pca_whitening


def descriptors(count: int = 200, channels: int = 6) -> np.ndarray:
    """Correlated and off centre, of clearly different variances."""
    generator = np.random.default_rng(3)
    mixed = generator.normal(size=(count, channels)) @ generator.normal(size=(channels, channels))
    return (mixed + 5).astype(np.float32)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("dimension", [1, 3, 6])
def test_components_are_centred_decorrelated_and_more_equal(
    dimension: int, strength: float
) -> None:
    """Of variance v, a component keeps v ** (1 - strength): at 1 the covariance is identity."""
    rows = descriptors()
    variances = np.linalg.eigvalsh(np.cov(rows, rowvar=False))[::-1][:dimension]
    projection, mean = pca_whitening(rows, dimension, strength)
    whitened = (rows - mean) @ projection
    np.testing.assert_allclose(whitened.mean(axis=0), np.zeros(dimension), atol=1e-4)
    covariance = np.cov(whitened, rowvar=False).reshape(dimension, dimension)
    np.testing.assert_allclose(covariance, np.diag(variances ** (1 - strength)), atol=2e-3)


def test_full_whitening_matches_the_singular_value_definition() -> None:
    """Components are U sqrt(n - 1) of the centred rows U S V, up to their signs."""
    rows = descriptors()
    projection, mean = pca_whitening(rows, 4, 1.0)
    left, _, _ = np.linalg.svd(rows - rows.mean(axis=0, dtype=np.float64), full_matrices=False)
    expected = left[:, :4] * np.sqrt(len(rows) - 1)
    found = (rows - mean) @ projection
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=2e-3)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_whitening_of_hand_numbers(strength: float) -> None:
    # Along x the values -3, 3, 0, 0: mean 0, variance 18 / 3 = 6. Along y 0, 0, -1, 1: 2 / 3.
    # Divided by 6 ** (strength / 2): at 0 nothing, at 1/2 the fourth root, at 1 the root.
    rows = np.array([[-3, 0], [3, 0], [0, -1], [0, 1]], np.float32) + 10
    projection, mean = pca_whitening(rows, 2, strength)
    np.testing.assert_allclose(mean, [10, 10])
    expected = np.diag([6 ** (-strength / 2), (2 / 3) ** (-strength / 2)])
    np.testing.assert_allclose(np.abs(projection), expected, atol=1e-6)


def test_components_come_in_order_of_variance() -> None:
    rows = descriptors()
    projection, mean = pca_whitening(rows, 6)
    # A component's direction is shrunk by the root of its variance.
    lengths = np.linalg.norm(projection, axis=0)
    assert np.all(np.diff(lengths) > 0)
    assert projection.dtype == mean.dtype == np.float32


def test_direction_that_never_varies_stays_finite() -> None:
    """A dead channel has variance zero, whose inverse root would be infinite."""
    rows = descriptors()
    rows[:, 2] = 7
    projection, _ = pca_whitening(rows, 6, 1.0)
    assert np.all(np.isfinite(projection))
    # The floor, a millionth of the largest variance, bounds the ratio of lengths by a thousand.
    lengths = np.linalg.norm(projection, axis=0)
    assert lengths[-1] / lengths[0] == pytest.approx(1000, rel=1e-3)


@pytest.mark.parametrize(("count", "dimension", "largest"), [(4, 4, 3), (200, 7, 6), (1, 1, 0)])
def test_too_few_descriptors_are_refused_with_the_largest_dimension(
    count: int, dimension: int, largest: int
) -> None:
    with pytest.raises(ValueError, match=f"--dimension={largest} or less.*Received: {dimension}"):
        pca_whitening(descriptors()[:count], dimension)
