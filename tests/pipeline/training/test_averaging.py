import keras
import numpy as np
import pytest

from pipeline.training.averaging import WeightAverage


def test_average_follows_the_weights_faster_at_first() -> None:
    weight = keras.Variable(np.float32(0.0))
    average = WeightAverage([weight], momentum=0.15)
    found = []
    for value in (1.0, 2.0, 2.0):
        weight.assign(value)
        average.update()
        found.append(float(average.averages[0]))
    # Momenta: 1 / 10, then 2 / 11 and 3 / 12, of which 0.15 is less.
    # 0 * .1 + 1 * .9 = .9; .9 * .15 + 2 * .85 = 1.835; 1.835 * .15 + 1.7 = 1.97525
    assert found == pytest.approx([0.9, 1.835, 1.97525])


def test_network_holds_the_average_within_the_block_only() -> None:
    weight = keras.Variable(np.float32(3.0))
    average = WeightAverage([weight], momentum=0.9)
    weight.assign(5.0)
    with average.in_place():
        assert float(weight) == 3.0
    assert float(weight) == 5.0
    with pytest.raises(KeyboardInterrupt), average.in_place():
        raise KeyboardInterrupt
    assert float(weight) == 5.0
