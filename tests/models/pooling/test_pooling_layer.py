import numpy as np
import pytest

from models.pooling import MAC, POOLINGS, RMAC, GeM, SPoC, pooling_layer


def test_every_name_gives_its_layer() -> None:
    layers = {name: type(pooling_layer(name)) for name in POOLINGS}
    assert layers == {"gem": GeM, "gem_per_channel": GeM, "mac": MAC, "spoc": SPoC, "rmac": RMAC}
    assert {pooling_layer(name).name for name in POOLINGS} == {"pooling"}


@pytest.mark.parametrize(("name", "shape"), [("gem", ()), ("gem_per_channel", (3,))])
def test_gem_starts_with_the_given_exponent(name: str, shape: tuple[int, ...]) -> None:
    layer = pooling_layer(name, gem_power=2.5)
    layer.build((None, None, None, 3))
    np.testing.assert_array_equal(layer.exponent.numpy(), np.full(shape, 2.5))


def test_unknown_pooling_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"gem, gem_per_channel, mac, spoc, rmac. Received: max"):
        pooling_layer("max")
