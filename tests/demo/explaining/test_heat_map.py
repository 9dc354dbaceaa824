import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from demo.explaining import heat_map
from demo.explaining.heat_map import HeatMap, HeatMaps
from demo.explaining.shown import Shown
from pipeline.descriptors import Places, SavedDescriptor, open_descriptor
from pipeline.engine import Engine
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from tests.tiny import Tiny


def even(similarities: list[list[float]]) -> HeatMap:
    """Places whose centres lie evenly."""
    values = np.array(similarities, np.float32)
    down, across = ((np.arange(count) + 0.5) / count for count in values.shape)
    return HeatMap(similarities=values, down=down, across=across)


def maps_of(heat: HeatMap, least: float, most: float) -> HeatMaps:
    return HeatMaps(query=heat, result=heat, least=least, most=most, box=None)


def pixels(address: str) -> np.ndarray:
    encoded = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(encoded)))


def test_between_centres_similarities_are_linear_and_beyond_them_those_of_the_nearest() -> None:
    heat = HeatMap(
        similarities=np.array([[0.0, 1.0]]), down=np.array([0.5]), across=np.array([0.3, 0.7])
    )
    # Pixels' middles at .1, .3, .5, .7 and .9.
    expected = [[0.0, 0.0, 0.5, 1.0, 1.0]] * 2
    np.testing.assert_allclose(heat_map.spread(heat, 2, 5), expected, atol=1e-6)


def test_the_most_alike_place_is_covered_most_and_the_less_alike_half_not_at_all() -> None:
    heat = even([[0.0, 0.2], [0.4, 0.8]])
    drawn = pixels(heat_map.overlay(heat, maps_of(heat, 0.3, 0.8), ratio=2.0))
    assert drawn.shape == (48, 96, 4), "of the photograph's ratio"
    corners = drawn[0, 0, 3], drawn[0, -1, 3], drawn[-1, 0, 3], drawn[-1, -1, 3]
    # (.4 - .3) / .5 = .2 of the most; that is .75 of 255.
    assert corners == (0, 0, round(0.2 * 0.75 * 255), round(0.75 * 255))
    assert drawn[-1, -1, :3].sum() > drawn[-1, 0, :3].sum(), "and brighter"


def test_equal_places_are_drawn_too() -> None:
    heat = even([[0.5, 0.5]])
    assert pixels(heat_map.overlay(heat, maps_of(heat, 0.5, 0.5), 0.5))[..., 3].max() == 0


def test_places_of_both_photographs_are_compared_with_the_other_one(tiny: Tiny) -> None:
    engine = Engine(tiny.index)
    descriptor = engine.descriptor
    assert isinstance(descriptor, SavedDescriptor)
    one, other = (photograph.read_image() for photograph in engine.photographs(np.array([0, 9])))
    whole = heat_map.heat_maps(descriptor, one, None, other)
    expected = (
        descriptor.describe_places(one).descriptors @ descriptor.describe_images(other[None])[0]
    )
    np.testing.assert_allclose(whole.query.similarities, expected, atol=1e-6)
    part = heat_map.heat_maps(descriptor, one, (0, 0, 24, 20), other)
    asked = descriptor.describe_region(one, np.array([0, 0, 0.5, 0.5], np.float32))[0]
    expected = descriptor.describe_places(other).descriptors @ asked
    np.testing.assert_allclose(part.result.similarities, expected, atol=1e-6)
    np.testing.assert_array_equal(part.query.similarities, whole.query.similarities)
    every = np.concatenate([part.query.similarities.ravel(), part.result.similarities.ravel()])
    assert (part.least, part.most) == pytest.approx((np.median(every), every.max()))
    shown = Shown(url="/kept/a", width=48, height=40, name="<b>")
    drawn = heat_map.draw(part, shown, shown)
    assert 'style="left:0.00%;top:0.00%;right:50.00%;bottom:50.00%"' in drawn
    assert len(re.findall('class="over"', drawn)) == 2
    assert "<b>" not in drawn


def test_models_without_a_feature_map_say_so(tiny: Tiny, tmp_path: object) -> None:
    model = tiny.model.parent / "hog-of-heat"
    export(ExportSettings(model=model, classical="hog"))
    image = np.zeros((40, 48, 3), np.uint8)
    with pytest.raises(ValueError, match="Choose a method with a neural network"):
        heat_map.heat_maps(open_descriptor(model), image, None, image)


def test_a_network_without_places_says_so_without_commands_for_a_shell(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = open_descriptor(tiny.model)
    monkeypatch.setattr(SavedDescriptor, "has_places", False)
    image = np.zeros((40, 48, 3), np.uint8)
    with pytest.raises(ValueError, match=r"compares photographs as a whole") as told:
        heat_map.heat_maps(descriptor, image, None, image)
    assert "pipeline" not in str(told.value)


def test_places_are_told_with_their_centres(tiny: Tiny) -> None:
    descriptor = open_descriptor(tiny.model)
    assert isinstance(descriptor, SavedDescriptor)
    found = descriptor.describe_places(np.zeros((30, 90, 3), np.uint8))
    assert isinstance(found, Places)
    assert found.descriptors.shape == (len(found.down), len(found.across), 16)
    for centres in (found.down, found.across):
        assert (centres > 0).all()
        assert (np.diff(centres) > 0).all()
        assert (centres < 1).all()
