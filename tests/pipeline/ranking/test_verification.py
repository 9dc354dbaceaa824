"""What two photographs have in common, where that is known."""

import dataclasses

import cv2
import numpy as np
import pytest

from models.local.features import Features
from models.local.sift import root_sift
from pipeline.local_features.fitting import fitted
from pipeline.ranking.verification import LEAST_SCORE, Verification, verify
from tests.pictures import picture

# x and y of a photograph to those of another: turned by 15 degrees, larger by a fifth.
AFFINE = np.array([[1.16, -0.31, 60.0], [0.31, 1.16, -20.0]])


def made(locations: np.ndarray, descriptors: np.ndarray) -> Features:
    """Features at x and y."""
    count = len(locations)
    return Features(
        locations=locations[:, ::-1].astype(np.float32),
        sizes=np.full(count, 8, np.float32),
        scores=np.ones(count, np.float32),
        descriptors=(descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True)).astype(
            np.float32
        ),
    )


def pair(right: int, wrong: int, seed: int = 0, noise: float = 1.0) -> tuple[Features, Features]:
    """Features of which the first move with ``AFFINE``, while others alike lie elsewhere."""
    generator = np.random.default_rng(seed)
    count = right + wrong
    query = generator.random((count, 2)) * (480, 360)
    candidate = generator.random((count, 2)) * (640, 480)
    moved = query @ AFFINE[:, :2].T + AFFINE[:, 2]
    candidate[:right] = moved[:right] + noise * generator.normal(size=(right, 2))
    descriptors = generator.normal(size=(count, 32))
    alike = descriptors + 0.2 * generator.normal(size=(count, 32))
    order = generator.permutation(count)
    return made(query, descriptors), made(candidate[order], alike[order])


def sift(image: np.ndarray, most: int = 500) -> Features:
    """As an extractor finds them."""
    reduced, factors = fitted(image, 1024)
    return root_sift(reduced, most).enlarged(factors)


def warped(image: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Seen from elsewhere, by a homography."""
    sides = image.shape[1], image.shape[0]
    return cv2.warpPerspective(image, transform, sides, borderMode=cv2.BORDER_REFLECT)


def is_nothing(found: Verification) -> bool:
    return (found.inliers, found.score, found.transform, len(found.matches)) == (0, 0.0, None, 0)


@pytest.mark.parametrize("wrong", [0, 60, 240])
def test_known_correspondences_are_found_among_wrong_ones(wrong: int) -> None:
    """Of 240 wrong ones with a chance of 1 in 1,000 each, none or one agree."""
    query, candidate = pair(60, wrong)
    found = verify(query, candidate)
    assert 58 <= found.inliers <= 61
    assert found.score > 50
    assert found.transform is not None
    np.testing.assert_allclose(found.transform, AFFINE, atol=1.5)
    np.testing.assert_allclose(found.transform[:, :2], AFFINE[:, :2], atol=0.01)
    assert len(found.matches) == len(found.points)
    for (row, other), (here, there) in zip(found.matches, found.points, strict=True):
        np.testing.assert_array_equal(query.locations[row, ::-1], here)
        np.testing.assert_array_equal(candidate.locations[other, ::-1], there)
        off = here @ found.transform[:, :2].T + found.transform[:, 2] - there
        assert np.hypot(*off) <= 0.02 * 640


def test_matches_that_agree_on_nothing_are_no_certainty() -> None:
    """With 5 to 400 matches of no one place, 100 times."""
    for seed in range(100):
        query, candidate = pair(0, (5, 12, 30, 80, 400)[seed % 5], seed)
        found = verify(query, candidate)
        assert not found.is_certain, (seed, found.inliers, found.score)


def test_the_answer_is_the_same_whenever_it_is_asked() -> None:
    query, candidate = pair(12, 200)
    first = verify(query, candidate)
    for _ in range(3):
        again = verify(query, candidate)
        assert (again.inliers, again.score) == (first.inliers, first.score)
        np.testing.assert_array_equal(again.matches, first.matches)


def test_the_answer_does_not_depend_on_how_large_the_photographs_are() -> None:
    query, candidate = pair(40, 100)
    found = verify(query, candidate)
    larger = verify(query.enlarged((8.0, 8.0)), candidate.enlarged((8.0, 8.0)))
    assert larger.inliers == found.inliers
    assert larger.score == pytest.approx(found.score, rel=0.05)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_few_features_prove_nothing(count: int) -> None:
    query, candidate = pair(count, 0)
    assert not verify(query, candidate).is_certain


def test_a_photograph_seen_from_elsewhere_is_verified_and_another_is_not() -> None:
    """A homography that turns, shrinks and tilts: 240 pixels are 30 narrower at the top."""
    tilted = np.array([[0.85, 0.1, 10.0], [-0.12, 0.9, 30.0], [2e-4, 3e-4, 1.0]])
    views = [sift(picture(seed, 240)) for seed in range(8)]
    for seed, view in enumerate(views):
        other = sift(warped(picture(seed, 240), tilted))
        assert verify(view, other).score > 5
        for wrong in set(range(8)) - {seed}:
            found = verify(views[wrong], other)
            assert not found.is_certain, (seed, wrong, found.inliers, found.score)


def test_a_mirrored_photograph_is_another() -> None:
    """Its features look otherwise; were they alike, the transform would mirror."""
    image = picture(1, 240)
    assert not verify(sift(image), sift(image[:, ::-1])).is_certain
    query, _ = pair(60, 0)
    mirrored = made(query.locations[:, ::-1] * (-1, 1) + (480, 0), query.descriptors)
    assert is_nothing(verify(query, mirrored))


def within(features: Features, sides: tuple[int, int], first: int = 0) -> Features:
    """With two features of its own in the corners, so that it is of a photograph of these sides."""
    corners = made(np.array([[0, 0], sides]), np.eye(32)[first : first + 2])
    return Features(
        **{
            name: np.concatenate([getattr(features, name), getattr(corners, name)])
            for name in ("locations", "sizes", "scores", "descriptors")
        }
    )


def test_matches_on_one_spot_or_line_are_no_place() -> None:
    """Everything maps to a spot, or lies on an eave: no camera saw two photographs so."""
    query, _ = pair(60, 0)
    spot = made(query.locations[:, ::-1] * 0.01 + 200, query.descriptors)
    assert is_nothing(verify(query, within(spot, (640, 480))))
    flat = made(query.locations[:, ::-1] * (1, 0.004), query.descriptors)
    assert is_nothing(verify(within(flat, (480, 360)), within(flat, (480, 360), 2)))


def test_absurd_scales_and_shears_are_refused() -> None:
    query, _ = pair(60, 0)
    moved = query.locations[:, ::-1]
    for linear in ([[0.12, 0], [0, 0.12]], [[1, 0.9], [0, 0.2]], [[-1, 0], [0, 1]]):
        candidate = made(moved @ np.array(linear, float).T, query.descriptors)
        assert is_nothing(verify(query, within(candidate, (480, 360)))), linear
    modest = made(moved @ np.array([[0.5, 0], [0, 0.8]]), query.descriptors)
    assert verify(query, within(modest, (480, 360))).score > 20


def test_places_that_agree_at_absurd_sizes_are_no_matches() -> None:
    """A window and the whole front do not lie on one another, though their centres do."""
    query, candidate = pair(60, 0)
    assert verify(query, candidate).score > 50
    larger = dataclasses.replace(candidate, sizes=candidate.sizes * 4)
    assert is_nothing(verify(query, larger))


def facade(windows: int, seed: int, side: int = 320) -> np.ndarray:
    """A wall of equal windows: a picture, small, again and again."""
    cell = side // windows
    window = cv2.resize(picture(seed, 64), (cell - 6, cell - 6), interpolation=cv2.INTER_AREA)
    one = cv2.copyMakeBorder(window, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=(120, 90, 70))
    return np.tile(one, (windows, windows, 1))


def test_walls_of_other_windows_are_not_taken_for_one_another() -> None:
    """Rows and columns agree, windows do not."""
    walls = [sift(facade(6, seed)) for seed in range(6)]
    for one in range(6):
        for other in set(range(6)) - {one}:
            assert not verify(walls[one], walls[other]).is_certain


def page(seed: int) -> np.ndarray:
    """Lines of letters."""
    image = np.full((320, 320, 3), 255, np.uint8)
    generator = np.random.default_rng(seed)
    for line in range(12):
        text = "".join(generator.choice(list("abcdefghijklmnopqrstuvwxyz "), 22))
        place = 8, 24 + 25 * line
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return image


def test_pages_of_other_text_are_not_taken_for_one_another() -> None:
    """The same letters stand in the same lines, at other places."""
    pages = [sift(page(seed)) for seed in range(6)]
    assert len(pages[0]) > 200
    for one in range(6):
        for other in set(range(6)) - {one}:
            found = verify(pages[one], pages[other])
            assert not found.is_certain, (one, other, found.inliers, found.score)
    assert verify(pages[0], sift(page(0)[8:, 12:])).score > 20


@pytest.mark.parametrize(
    "image",
    [
        np.full((200, 300, 3), 210, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        picture(0, 20),
        np.repeat(picture(0, 20)[:, :, :1], 3, axis=2),
    ],
    ids=["blank wall", "one pixel", "20 pixels", "20 grey pixels"],
)
def test_what_shows_next_to_nothing_is_not_verified(image: np.ndarray) -> None:
    found = verify(sift(image), sift(picture(1, 240)))
    assert not found.is_certain
    assert not verify(sift(picture(1, 240)), sift(image)).is_certain


def test_thirty_megapixels_are_verified_with_the_small_photograph_of_the_same() -> None:
    small = picture(2, 400)
    large = cv2.resize(small, (5500, 5500), interpolation=cv2.INTER_CUBIC)
    found = verify(sift(large), sift(small))
    assert found.score > LEAST_SCORE
    assert found.transform is not None
    np.testing.assert_allclose(found.transform[:, :2], np.eye(2) * 400 / 5500, atol=0.002)
