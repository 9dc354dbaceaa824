"""Every change eagerly and inside a data set, and that it does what it says."""

import functools
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.distortions import blur, change_perspective, compress, erase, shift_colours

SIZE = 48
Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def scene() -> np.ndarray:
    down, across = np.mgrid[0:SIZE, 0:SIZE]
    pixels = np.stack([60 + 2 * across, 60 + 2 * down, 100 + (across // 8 % 2) * 60], axis=-1)
    return pixels.astype(np.uint8)


def eagerly(change: Change, image: np.ndarray, count: int) -> np.ndarray:
    seeds = tf.constant([[3, number] for number in range(count)], tf.int64)
    return np.stack([change(tf.constant(image), seed).numpy() for seed in seeds])


def in_data_set(change: Change, image: np.ndarray, count: int) -> np.ndarray:
    dataset = tf.data.Dataset.range(count).map(
        lambda number: change(tf.constant(image), [3, number]), num_parallel_calls=4
    )
    return np.stack(list(dataset.as_numpy_iterator()))


def changes(strength: float) -> dict[str, Change]:
    some = functools.partial
    return {
        "brightness": some(shift_colours, brightness=strength),
        "contrast": some(shift_colours, contrast=strength),
        "saturation": some(shift_colours, saturation=strength),
        "hue": some(shift_colours, hue=strength),
        "blur": some(blur, largest=10 * strength),
        "perspective": some(change_perspective, largest=strength),
        "compression": some(compress, largest=strength),
        "erasing": some(erase, largest=strength),
    }


@pytest.mark.parametrize("name", changes(0.0))
def test_same_seed_gives_the_same_eagerly_and_inside_a_data_set(name: str) -> None:
    change = changes(0.3)[name]
    eager = eagerly(change, scene(), 5)
    inside = in_data_set(change, scene(), 5)
    # Graphs fuse what eager execution rounds in between: a level, where .5 is rounded.
    np.testing.assert_allclose(eager.astype(int), inside, atol=1)
    assert eager.dtype == np.uint8
    assert eager.shape == (5, SIZE, SIZE, 3)
    assert len({image.tobytes() for image in eager}) == 5


@pytest.mark.parametrize("name", sorted(set(changes(0.0)) - {"compression", "erasing"}))
def test_strength_0_leaves_every_pixel(name: str) -> None:
    np.testing.assert_array_equal(in_data_set(changes(0.0)[name], scene(), 1)[0], scene())


@pytest.mark.parametrize("run", [eagerly, in_data_set])
def test_brightness_moves_all_pixels_alike_by_at_most_its_share(
    run: Callable[[Change, np.ndarray, int], np.ndarray],
) -> None:
    shifts = run(changes(0.2)["brightness"], scene(), 60).astype(int) - scene()
    assert np.all(np.ptp(shifts, axis=(1, 2, 3)) <= 1)  # rounding
    # 0.2 of 255 is 51.
    assert -51 <= shifts.min() < -35
    assert 35 < shifts.max() <= 51


def test_contrast_stretches_the_distance_from_the_mean() -> None:
    image = scene()
    for changed in in_data_set(changes(0.4)["contrast"], image, 20):
        np.testing.assert_allclose(changed.mean(axis=(0, 1)), image.mean(axis=(0, 1)), atol=0.6)
        shares = changed.std(axis=(0, 1)) / image.std(axis=(0, 1))
        assert np.all((shares > 0.59) & (shares < 1.41))
        assert np.ptp(shares) < 0.02


def test_saturation_keeps_brightness_and_leaves_grey_alone() -> None:
    image = np.full((SIZE, SIZE, 3), (180, 90, 60), np.uint8)
    luma = [0.299, 0.587, 0.114]
    changed = in_data_set(changes(0.5)["saturation"], image, 20)[:, 0, 0]
    np.testing.assert_allclose(changed @ luma, np.full(20, image[0, 0] @ luma), atol=0.6)
    spans = np.ptp(changed.astype(int), axis=1)
    assert spans.min() >= 59  # half of 120
    assert spans.max() <= 181
    grey = np.full((SIZE, SIZE, 3), 77, np.uint8)
    np.testing.assert_array_equal(in_data_set(changes(0.5)["saturation"], grey, 3), [grey] * 3)


def test_a_third_of_a_turn_of_hue_carries_red_to_green_or_blue() -> None:
    red = np.full((SIZE, SIZE, 3), (160, 40, 40), np.uint8)
    changed = in_data_set(changes(1 / 3)["hue"], red, 200)[:, 0, 0].astype(int)
    np.testing.assert_allclose(changed.sum(axis=1), 240, atol=2)
    assert changed[:, 1].max() > 150
    assert changed[:, 2].max() > 150
    slight = in_data_set(changes(0.02)["hue"], red, 50)[:, 0, 0].astype(int)
    assert np.all(slight[:, 0] > slight[:, 1:].max(axis=1) + 80)


def test_blur_is_gaussian_and_does_not_darken_the_edges() -> None:
    dot = np.zeros((SIZE, SIZE, 3), np.uint8)
    dot[24, 24] = 255
    for changed in in_data_set(functools.partial(blur, largest=2.0), dot, 10):
        deviations = [d for d in np.linspace(0.01, 2, 400)]
        expected = (cv2.GaussianBlur(dot, (13, 13), d) for d in deviations)
        assert min(np.abs(each.astype(int) - changed).max() for each in expected) <= 2
    white = np.full((SIZE, SIZE, 3), 255, np.uint8)
    np.testing.assert_array_equal(
        in_data_set(functools.partial(blur, largest=2.0), white, 3), [white] * 3
    )


def test_perspective_shows_only_what_the_photograph_holds_and_keeps_lines_straight() -> None:
    image = np.full((SIZE, SIZE, 3), 200, np.uint8)
    image[:, 20:28] = 20
    for changed in in_data_set(changes(0.2)["perspective"], image, 10).astype(int):
        assert changed.min() >= 20
        assert changed.max() <= 200
        dark = (200 - changed[..., 0]) / 180
        middles = (dark * np.arange(SIZE)).sum(axis=1) / dark.sum(axis=1)
        bend = middles - np.polyval(np.polyfit(np.arange(SIZE), middles, 1), np.arange(SIZE))
        assert np.abs(bend).max() < 0.5


def test_perspective_takes_corners_to_points_at_most_that_far_in() -> None:
    down, across = np.mgrid[0:SIZE, 0:SIZE]
    image = np.stack([5 * across, 5 * down, 0 * down], axis=-1).astype(np.uint8)
    corners = in_data_set(changes(0.2)["perspective"], image, 60)[:, ::47, ::47, :2] / 5.0
    inwards = np.abs(corners - np.array([[[0, 0], [47, 0]], [[0, 47], [47, 47]]]))
    assert inwards.max() <= 0.2 * 47 + 0.2
    assert inwards.max() > 8
    assert inwards.std() > 2


def test_compression_loses_more_the_lower_the_quality() -> None:
    image = scene()
    losses = [
        np.abs(in_data_set(changes(strength)["compression"], image, 20).astype(int) - image).mean()
        for strength in (0.1, 0.5, 1.0)
    ]
    assert losses == sorted(losses)
    assert losses[2] > 2 * losses[0] > 0


@pytest.mark.parametrize("largest", [0.1, 0.5])
def test_erasing_paints_one_rectangle_of_the_wanted_share(largest: float) -> None:
    image = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    shares = []
    for changed in in_data_set(changes(largest)["erasing"], image, 60):
        rows, columns = np.nonzero(np.any(changed != image, axis=-1))
        box = changed[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert np.all(box == box[0, 0])
        shares.append(box.shape[0] * box.shape[1] / SIZE**2)
    assert min(shares) > 0.1 * largest - 0.01
    assert 0.8 * largest < max(shares) < largest + 0.02
