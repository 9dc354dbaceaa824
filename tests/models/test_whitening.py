import itertools

import numpy as np
import pytest

from models.whitening import pair_covariances, pca_whitening, supervised_whitening
from pipeline.scoring import metrics


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


def labelled(count: int, landmarks: int, channels: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Photographs of a landmark lie about a place of its own, and vary in their own directions."""
    generator = np.random.default_rng(count)
    labels = np.sort(generator.integers(0, landmarks, count))
    labels[:2] = labels[0]  # one pair at least
    places = generator.normal(size=(landmarks, channels)) @ generator.normal(size=(channels,) * 2)
    noise = generator.normal(size=(count, channels)) @ generator.normal(size=(channels,) * 2)
    return places[labels] + noise + 3, labels


def loop_over_pairs(rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    matching: list[np.ndarray] = []
    others: list[np.ndarray] = []
    for first, second in itertools.combinations(range(len(rows)), 2):
        difference = rows[first] - rows[second]
        product = np.outer(difference, difference)
        (matching if labels[first] == labels[second] else others).append(product)
    return np.mean(matching, axis=0), np.mean(others, axis=0)


@pytest.mark.parametrize("labels", [[0, 0, 1], [4, 1, 4, 4], [2, 0, 1, 1, 0, 2, 7], [5, 5, 5, 6]])
def test_covariances_of_pairs_match_a_loop(labels: list[int]) -> None:
    rows = np.random.default_rng(0).normal(size=(len(labels), 3)) + 2
    found = pair_covariances(rows, np.array(labels))
    for covariance, expected in zip(found, loop_over_pairs(rows, np.array(labels)), strict=True):
        np.testing.assert_allclose(covariance, expected, atol=1e-12)


@pytest.mark.parametrize("dimension", [1, 3, 5])
def test_supervised_whitening_makes_matching_pairs_differ_equally(dimension: int) -> None:
    """And what differs between the other pairs comes uncorrelated, the most of it first."""
    rows, labels = labelled(60, 8)
    projection, mean = supervised_whitening(rows, labels, dimension, 1.0)
    matching, others = loop_over_pairs((rows - mean) @ projection, labels)
    np.testing.assert_allclose(matching, np.eye(dimension), atol=1e-4)
    np.testing.assert_allclose(others, np.diag(np.diag(others)), atol=1e-3)
    assert np.all(np.diff(np.diag(others)) < 0)
    assert projection.dtype == mean.dtype == np.float32


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_supervised_whitening_of_hand_numbers(strength: float) -> None:
    # Landmark 0 at (0, -1) and (0, 1), landmark 1 at (9, -1) and (9, 1): matching pairs differ by
    # 2 along y alone, its mean square being 4; along x the floor of a millionth of that holds.
    # Other pairs differ by 9 along x: that comes first. The mean is (4.5, 0).
    rows = np.array([[0, -1], [0, 1], [9, -1], [9, 1]], float)
    projection, mean = supervised_whitening(rows, np.array([0, 0, 1, 1]), 2, strength)
    np.testing.assert_allclose(mean, [4.5, 0])
    expected = np.diag([4e-6 ** (-strength / 2), 4 ** (-strength / 2)])
    np.testing.assert_allclose(np.abs(projection), expected, rtol=1e-5, atol=1e-6)


def test_without_strength_the_principal_components_of_other_pairs_stay() -> None:
    rows, labels = labelled(40, 6)
    projection, mean = supervised_whitening(rows, labels, 5, 0.0)
    np.testing.assert_allclose(projection.T @ projection, np.eye(5), atol=1e-5)
    _, others = loop_over_pairs((rows - mean) @ projection, labels)
    np.testing.assert_allclose(others, np.diag(np.diag(others)), atol=1e-3)


def test_what_differs_between_photographs_of_a_landmark_counts_less() -> None:
    """Of ten channels one, such as the light, varies most and tells landmarks not apart at all."""
    generator = np.random.default_rng(1)
    labels = np.repeat(np.arange(40), 5)
    rows = generator.normal(size=(40, 10))[labels] + 0.5 * generator.normal(size=(200, 10))
    rows[:, 0] = 8 * generator.normal(size=200)
    learned, unseen = labels < 20, labels >= 20

    def found(projection: np.ndarray, mean: np.ndarray) -> float:
        whitened = (rows[unseen] - mean) @ projection
        whitened /= np.linalg.norm(whitened, axis=1, keepdims=True)
        relevant, totals = metrics.leave_one_out(whitened, labels[unseen])
        return float(metrics.average_precision(relevant, totals).mean())

    as_it_is = found(np.eye(10), np.zeros(10))
    supervised = found(*supervised_whitening(rows[learned], labels[learned], 10, 1.0))
    assert supervised > found(*pca_whitening(rows[learned], 10, 0.5)) > as_it_is


def test_photographs_of_no_landmark_take_no_part() -> None:
    rows, labels = labelled(30, 4)
    with_others = np.concatenate([rows[:10], rows[:10] * 7, rows[10:]])
    unknown = np.concatenate([labels[:10], np.full(10, -1), labels[10:]])
    for found, expected in zip(
        supervised_whitening(with_others, unknown, 5),
        supervised_whitening(rows, labels, 5),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


def test_a_direction_in_which_no_pair_differs_stays_finite() -> None:
    """As with fewer photographs than channels, where most directions are such."""
    rows, labels = labelled(8, 3, channels=20)
    projection, _ = supervised_whitening(rows, labels, 7, 1.0)
    assert np.all(np.isfinite(projection))


@pytest.mark.parametrize(
    ("labels", "received"),
    [
        ([-1, -1, -1], "3 photographs, of 0 landmarks, at most 0 of one"),
        ([2, 2, 2, -1], "4 photographs, of 1 landmarks, at most 3 of one"),
        ([0, 1, 2], "3 photographs, of 3 landmarks, at most 1 of one"),
    ],
)
def test_labels_that_make_no_pairs_are_refused(labels: list[int], received: str) -> None:
    rows = descriptors()[: len(labels)]
    with pytest.raises(ValueError, match=f"two landmarks or more.*--whitening=pca.*{received}"):
        supervised_whitening(rows, np.array(labels), 1)


def test_too_few_photographs_of_landmarks_are_refused() -> None:
    labels = np.array([0, 0, 1, -1, -1])
    with pytest.raises(ValueError, match=r"3 descriptors .* --whitening_dimension=2 or less"):
        supervised_whitening(descriptors()[:5], labels, 3)


def test_descriptions_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(ValueError, match="the network has collapsed"):
        pca_whitening(np.ones((20, 4)), 2)
    copies = np.repeat(np.eye(4), 5, axis=0)
    with pytest.raises(ValueError, match="the photographs are copies of one another"):
        supervised_whitening(copies, np.repeat(np.arange(4), 5), 2)
