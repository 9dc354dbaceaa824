import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.sources.city import CitySource
from pipeline.data.synthetic_city import (
    CitySettings,
    landmark_name,
    render_city,
    render_photograph,
)
from pipeline.data.synthetic_city.camera import Camera, clip_to_front, look_at
from pipeline.data.synthetic_city.painting import paint_order

SMALL = CitySettings(landmarks=3, photographs_per_landmark=2, distractors=2, size=48, seed=3)


def _camera() -> Camera:
    """Ten metres in front of the origin, looking along y, 100 pixels a unit of slope."""
    return look_at(np.array([0.0, -10.0, 0.0]), np.zeros(3), focal=100.0, centre=(50.0, 50.0))


def test_a_city_renders_the_same_bytes_again() -> None:
    assert list(render_city(SMALL)) == list(render_city(SMALL))


def test_a_photograph_does_not_depend_on_how_many_there_are() -> None:
    larger = dataclasses.replace(SMALL, landmarks=5, photographs_per_landmark=3, distractors=3)
    every = {photograph.name: photograph for photograph in render_city(larger)}
    for photograph in render_city(SMALL):
        assert every[photograph.name] == photograph
    (first, second) = render_city(SMALL, [2], streets=False)
    assert [first, second] == [every["landmark-0002-0000"], every["landmark-0002-0001"]]


def test_cities_of_two_seeds_share_no_photograph() -> None:
    other = dataclasses.replace(SMALL, seed=4)
    encoded = [photograph.encoded for city in (SMALL, other) for photograph in render_city(city)]
    assert len(set(encoded)) == 16


def test_names_are_unique_and_streets_name_no_landmark() -> None:
    photographs = list(render_city(SMALL))
    assert len({photograph.name for photograph in photographs}) == 8
    assert [photograph.landmark == "" for photograph in photographs] == [False] * 6 + [True] * 2
    settings = CitySettings(landmarks=200)
    assert len({landmark_name(settings, number) for number in range(200)}) == 200


@pytest.mark.parametrize("size", [16, 64, 256])
def test_photographs_have_the_size_asked_for_and_show_something(size: int) -> None:
    image = render_photograph(dataclasses.replace(SMALL, size=size), 0, 0)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert image.std() > 10


def test_the_encoded_photograph_is_the_rendered_one_in_rgb() -> None:
    settings = dataclasses.replace(SMALL, size=128)
    encoded = next(iter(render_city(settings))).encoded
    decoded = tf.io.decode_jpeg(encoded).numpy().astype(int)
    rendered = render_photograph(settings, 0, 0).astype(int)
    assert np.abs(decoded.mean(axis=(0, 1)) - rendered.mean(axis=(0, 1))).max() < 2
    assert np.abs(decoded - rendered).mean() < 8


def test_photographs_of_one_landmark_differ_and_so_do_siblings() -> None:
    settings = dataclasses.replace(SMALL, landmarks=2)
    images = [
        render_photograph(settings, landmark, number).astype(int)
        for landmark in range(2)
        for number in range(2)
    ]
    for one, other in itertools.combinations(images, 2):
        assert np.abs(one - other).mean() > 3


def test_the_projection_is_that_of_a_pinhole() -> None:
    # 2 m to the right and 3 m up at a distance of 10 m: 100 * 2 / 10 = 20 pixels to the right,
    # 100 * 3 / 10 = 30 pixels up. At 20 m both are half as much.
    points = np.array([[2.0, 0.0, 3.0], [2.0, 10.0, 3.0]])
    np.testing.assert_allclose(_camera().project(points), [[70, 20], [60, 35]], atol=1e-9)


def test_straight_lines_stay_straight_from_any_viewpoint() -> None:
    camera = look_at(
        np.array([4.0, -12.0, 2.0]), np.array([1.0, 0, 5]), focal=80, centre=(9, 7), roll=0.3
    )
    line = np.array([-3.0, 1.0, 0.0]) + np.linspace(0, 1, 9)[:, None] * np.array([7.0, 5.0, 6.0])
    pixels = camera.project(line) - camera.project(line)[0]
    across = pixels[1:, 0] * pixels[-1, 1] - pixels[1:, 1] * pixels[-1, 0]
    np.testing.assert_allclose(across, 0.0, atol=1e-8)


def test_a_plane_homography_agrees_with_projecting_its_points() -> None:
    camera = _camera()
    origin, across, down = (
        np.array([1.0, 2.0, 3.0]),
        np.array([0.6, 0.8, 0]),
        np.array([0, 0, -1.0]),
    )
    (plane,) = camera.plane_homographies(origin[None], across[None], down[None])
    pixels = plane @ np.array([2.0, 1.5, 1.0])
    expected = camera.project(origin + 2.0 * across + 1.5 * down)
    np.testing.assert_allclose(pixels[:2] / pixels[2], expected)


def test_what_lies_behind_the_camera_is_cut_off() -> None:
    square = np.array([[0.0, 0, -2], [1, 0, -2], [1, 0, 2], [0, 0, 2]])
    clipped = clip_to_front(square)
    assert len(clipped) == 4
    assert clipped[:, 2].min() == pytest.approx(0.4)
    assert len(clip_to_front(square - (0, 0, 5))) == 0


def test_the_nearer_of_two_boxes_is_painted_last() -> None:
    lower = np.array([[-1.0, 0, 0], [-1, 5, 0], [-1, 10, 0]])
    order = paint_order(lower, lower + 2, np.array([0.0, -10, 1]))
    np.testing.assert_array_equal(order, [2, 1, 0])
    order = paint_order(lower, lower + 2, np.array([0.0, 30, 1]))
    np.testing.assert_array_equal(order, [0, 1, 2])


@pytest.mark.parametrize(
    "wrong", [{"landmarks": -1}, {"photographs_per_landmark": 0}, {"size": 4}, {"seed": -1}]
)
def test_settings_that_make_no_city_are_refused(wrong: dict[str, int]) -> None:
    (name, value) = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=rf"{name} is at least .*Received: {value}"):
        CitySettings(**wrong)


def test_the_city_is_a_source_of_records_landmark_by_landmark() -> None:
    source = CitySource(SMALL)
    assert list(source.names) == [0, 1, 2]
    found = list(source.read(np.arange(len(source.labels))))
    assert [one.label for one in found] == source.labels.tolist() == [0, 0, 1, 1, 2, 2, -1, -1]
    assert [one.landmark for one in found[2:4]] == [source.names[1]] * 2
    assert [one.name for one in found[6:]] == ["street-0000.jpg", "street-0001.jpg"]
    (alone,) = source.read(np.array([3]))
    assert alone == found[3]
