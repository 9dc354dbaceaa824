import numpy as np

from models.local.features import Features
from pipeline.local_features import coding


def some(count: int = 50, dimension: int = 8) -> Features:
    generator = np.random.default_rng(0)
    descriptors = generator.normal(size=(count, dimension)).astype(np.float32)
    return Features(
        locations=(generator.random((count, 2)) * (400, 300) - 0.5).astype(np.float32),
        sizes=(1 + 90 * generator.random(count)).astype(np.float32),
        scores=np.sort(generator.random(count).astype(np.float32))[::-1],
        descriptors=descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True),
    )


def test_what_is_stored_is_what_was_found_but_for_little() -> None:
    """A location moves by 400 / 65,535 pixels at most, a cosine by 1e-4."""
    before = some()
    stored = coding.encode(before, (400, 300))
    after = coding.decode(stored, (400, 300))
    np.testing.assert_allclose(after.locations, before.locations, atol=0.0062)
    np.testing.assert_allclose(after.sizes, before.sizes, rtol=1e-3)
    np.testing.assert_array_equal(after.scores, before.scores)
    cosines = np.sum(after.descriptors * before.descriptors, axis=1)
    assert cosines.min() > 0.9999
    np.testing.assert_allclose(np.linalg.norm(after.descriptors, axis=1), 1, rtol=1e-6)
    assert stored.nbytes == 50 * (10 + 8)


def test_places_of_a_large_photograph_are_kept_and_those_around_it() -> None:
    """The centres of the first and last pixels, a place beside it, and one far away."""
    places = np.array([[0, 0], [5999, 4999], [-900, 7400], [-6010, 15010]], np.float32)
    features = Features(
        locations=places,
        sizes=np.ones(4, np.float32),
        scores=np.ones(4, np.float32),
        descriptors=np.eye(4, dtype=np.float32),
    )
    found = coding.decode(coding.encode(features, (6000, 5000)), (6000, 5000)).locations
    np.testing.assert_allclose(found[:3], places[:3], atol=0.1)
    np.testing.assert_allclose(found[3], [-3000.5, 7499.5], atol=0.01)


def test_of_nothing_nothing_is_stored() -> None:
    stored = coding.encode(Features.none(8), (4, 4))
    assert stored.dtype == coding.stored_type(8)
    assert coding.decode(stored, (4, 4)).descriptors.shape == (0, 8)
