import keras
import numpy as np
import pytest

from models.backbones.stages import backbone_of, freeze_stages, stages_of
from models.siamese import embedding_network

# Of ``small``: a stem of one convolution, three blocks of two and a shortcut; each normalised but
# the shortcut, so 3 variables and 3 * 3 - 2 = 7.
VARIABLES = {1: 3, 2: 7, 3: 7, 4: 7, 5: 0, 6: 3}


def small_network() -> keras.Model:
    return embedding_network("small", "none", dimension=8)


def learning(network: keras.Model) -> dict[int, int]:
    """How many trainable variables every stage has."""
    stages = list(stages_of(network).values())
    return {stage: stages.count(stage) for stage in VARIABLES}


@pytest.mark.parametrize("stages", range(6))
def test_the_first_stages_are_frozen_and_the_others_learn(stages: int) -> None:
    network = small_network()
    freeze_stages(network, stages)
    assert learning(network) == {
        stage: 0 if stage <= stages else count for stage, count in VARIABLES.items()
    }
    assert len(network.trainable_variables) == sum(learning(network).values())


def test_five_frozen_stages_leave_what_follows_the_backbone() -> None:
    network = small_network()
    freeze_stages(network, 5)
    assert backbone_of(network).trainable_variables == []
    assert stages_of(network) == {
        "pooling/exponent": 6,
        "projection/kernel": 6,
        "projection/bias": 6,
    }


def test_freezing_nothing_thaws_nothing() -> None:
    network = small_network()
    freeze_stages(network, 2)
    freeze_stages(network, 0)
    assert learning(network)[2] == 0


def test_every_variable_has_the_stage_of_its_layer() -> None:
    stages = stages_of(small_network())
    assert stages["stem_convolution/kernel"] == 1
    assert stages["stage2_1_normalisation/gamma"] == 2
    assert stages["stage4_shortcut/kernel"] == 4


@pytest.mark.parametrize("stages", [-1, 6])
def test_other_numbers_of_stages_are_refused(stages: int) -> None:
    with pytest.raises(ValueError, match=rf"--frozen_stages is 0 to 5. Received: {stages}"):
        freeze_stages(small_network(), stages)


def test_the_backbone_is_found_within_the_network() -> None:
    network = small_network()
    backbone = backbone_of(network)
    assert (backbone.name, backbone.output_shape[-1]) == ("small", 128)
    pixels = np.zeros((1, 32, 48, 3), np.float32)
    assert backbone(pixels).shape == (1, 2, 3, 128)
