import cv2
import numpy as np

from models.local.features import Features
from models.local.sift import root_sift
from tests.pictures import picture


def test_features_move_with_the_photograph() -> None:
    image = picture()
    before = root_sift(image, 500)
    after = root_sift(np.pad(image, ((7, 0), (13, 0), (0, 0)), mode="edge"), 500)
    distances = np.linalg.norm(before.descriptors[:, None] - after.descriptors, axis=2)
    same = distances.min(axis=1) < 0.1
    moved = after.locations[distances.argmin(axis=1)] - before.locations
    assert same.mean() > 0.4
    np.testing.assert_allclose(np.median(moved[same], axis=0), [7, 13], atol=0.1)


def test_a_squared_distance_is_twice_one_less_hellingers_affinity() -> None:
    image = picture()
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found, histograms = cv2.SIFT.create(nfeatures=50).detectAndCompute(gray, None)
    best = np.argsort([-one.response for one in found], kind="stable")[:2]
    one, other = histograms[best] / histograms[best].sum(axis=1, keepdims=True)
    features = root_sift(image, 50)
    squared = np.sum((features.descriptors[0] - features.descriptors[1]) ** 2)
    np.testing.assert_allclose(squared, 2 - 2 * np.sum(np.sqrt(one * other)), rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(features.descriptors, axis=1), 1, rtol=1e-5)


def test_the_best_come_first_and_no_more_than_asked() -> None:
    features = root_sift(picture(), 20)
    assert len(features) == 20
    assert np.all(np.diff(features.scores) <= 0)
    every = root_sift(picture(), 1000)
    np.testing.assert_array_equal(features.scores, every.scores[:20])


def test_a_blank_wall_has_none() -> None:
    assert len(root_sift(np.full((64, 64, 3), 90, np.uint8), 100)) == 0
    assert len(root_sift(np.zeros((1, 1, 3), np.uint8), 100)) == 0


def test_an_enlarged_photograph_has_its_features_where_they_were() -> None:
    """The centre of the first of two pixels becomes that of the first two of four: .5."""
    features = Features(
        locations=np.array([[0, 0], [1, 3]], np.float32),
        sizes=np.array([1, 2], np.float32),
        scores=np.array([2, 1], np.float32),
        descriptors=np.eye(2, dtype=np.float32),
    )
    larger = features.enlarged((2.0, 8.0))
    np.testing.assert_allclose(larger.locations, [[0.5, 3.5], [2.5, 27.5]])
    np.testing.assert_allclose(larger.sizes, [4, 8])
    inside = features.within((3, 0, 4, 2))
    assert inside.locations.tolist() == [[1, 3]]
    assert len(features.within((0, 0, 0, 0))) == 0
