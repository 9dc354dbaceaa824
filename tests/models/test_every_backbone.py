"""What holds of every backbone; each is built once, for the large ones take seconds."""

import collections
import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.backbones import BACKBONES
from models.backbones.architectures import ARCHITECTURES
from models.backbones.stages import backbone_of, freeze_stages, stages_of
from models.folding import folded
from models.siamese import all_layers, embedding_network, load_network, random_states
from tests.networks import draw_statistics

# Without classifier. Keras documents 25.6, 44.7, 138.4, 3.5, 7.2, 21.6 and 28.6 million with it:
# https://keras.io/api/applications.
PARAMETERS = {
    "resnet50": 23_587_712,
    "resnet101": 42_658_176,
    "vgg16": 14_714_688,
    "mobilenet_v2": 2_257_984,
    "efficientnet_v2_b0": 5_919_312,
    "efficientnet_v2_s": 20_331_360,
    "convnext_tiny": 27_820_128,
    "small": 306_152,
}
CHANNELS = {
    "resnet50": 2048,
    "resnet101": 2048,
    "vgg16": 512,
    "mobilenet_v2": 1280,
    "efficientnet_v2_b0": 1280,
    "efficientnet_v2_s": 1280,
    "convnext_tiny": 768,
    "small": 128,
}
# Convolutions of stages 1 to 5, from the papers: blocks times convolutions a block, and one
# more for a projected shortcut, a transition or the last layer.
CONVOLUTIONS = {
    "resnet50": (1, 3 * 3 + 1, 4 * 3 + 1, 6 * 3 + 1, 3 * 3 + 1),
    "resnet101": (1, 3 * 3 + 1, 4 * 3 + 1, 23 * 3 + 1, 3 * 3 + 1),
    "vgg16": (2, 2, 3, 3, 3),
    "mobilenet_v2": (1 + 2, 2 * 3, 3 * 3, (4 + 3) * 3, (3 + 1) * 3 + 1),
    # Fused blocks have two convolutions (one where nothing is expanded), the others five: expand,
    # depthwise, project, and two of squeeze and excitation.
    "efficientnet_v2_b0": (1 + 1, 2 * 2, 2 * 2, (3 + 5) * 5, 8 * 5 + 1),
    "efficientnet_v2_s": (1 + 2, 4 * 2, 4 * 2, (6 + 9) * 5, 15 * 5 + 1),
    "convnext_tiny": (1, 3 * 3, 1 + 3 * 3, 1 + 9 * 3, 1 + 3 * 3),
    "small": (1, 3, 3, 3, 0),
}
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), np.uint8)


@dataclasses.dataclass(frozen=True)
class Built:
    """A network as a pretrained one is used: statistics and two stages frozen."""

    name: str
    network: keras.Model
    stages: dict[str, int]  # before the two were frozen


@pytest.fixture(scope="module", params=BACKBONES)
def built(request: pytest.FixtureRequest) -> Built:
    keras.utils.set_random_seed(0)
    network = embedding_network(request.param, "none", dimension=512, batch_statistics="frozen")
    draw_statistics(network)
    stages = stages_of(network)
    freeze_stages(network, 2)
    return Built(request.param, network, stages)


def test_network_has_its_pinned_parameters(built: Built) -> None:
    assert backbone_of(built.network).count_params() == PARAMETERS[built.name]
    # The exponent, and a projection with biases.
    whole = PARAMETERS[built.name] + 1 + (CHANNELS[built.name] + 1) * 512
    assert built.network.count_params() == whole
    assert backbone_of(built.network).output_shape[-1] == CHANNELS[built.name]


def test_stages_have_the_convolutions_of_the_paper(built: Built) -> None:
    kernels = [path for path in built.stages if path.endswith("kernel")]
    counts = collections.Counter(built.stages[path] for path in kernels)
    assert tuple(counts[stage] for stage in range(1, 6)) == CONVOLUTIONS[built.name]
    assert counts[6] == 1


def test_stages_end_where_the_stride_doubles(built: Built) -> None:
    backbone = backbone_of(built.network)
    ends = [backbone.get_layer(name).output for name in ARCHITECTURES[built.name].stage_ends]
    outputs = keras.Model(backbone.input, [*ends, backbone.output])(
        np.zeros((1, 64, 96, 3), np.float32), training=False
    )
    strides = [(64 / output.shape[1], 96 / output.shape[2]) for output in outputs]
    first = 4 if built.name == "convnext_tiny" else 2
    last = 16 if built.name == "small" else 32
    assert strides == [(stride, stride) for stride in (first, 4, 8, 16, last)]


def test_every_trainable_variable_has_one_stage(built: Built) -> None:
    paths = [variable.path for variable in built.network.trainable_variables]
    assert len(set(paths)) == len(paths)
    stages = stages_of(built.network)
    assert set(stages) == set(paths)
    assert set(stages.values()) == {3, 4, 5, 6} - ({5} if built.name == "small" else set())
    assert {built.stages[path] for path in set(built.stages) - set(paths)} == {1, 2}


def test_a_training_call_leaves_frozen_statistics_as_they_were(built: Built) -> None:
    before = built.network.get_weights()
    embeddings = built.network(IMAGES, training=True)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), [1, 1], rtol=1e-5)
    np.testing.assert_equal(built.network.get_weights(), before)


def test_network_returns_from_a_file_as_it_was(built: Built, tmp_path: Path) -> None:
    built.network.save(tmp_path / "network.keras")
    loaded = load_network(tmp_path / "network.keras")
    expected = built.network(IMAGES, training=False)
    np.testing.assert_array_equal(loaded(IMAGES, training=False), expected)
    assert flags(loaded) == flags(built.network)
    assert [v.trainable for v in loaded.variables] == [v.trainable for v in built.network.variables]
    assert list(stages_of(loaded).values()) == list(stages_of(built.network).values())


def test_folded_network_has_no_batch_normalisation_and_describes_alike(built: Built) -> None:
    copy = folded(built.network)
    kinds = {type(layer) for layer in all_layers(copy)}
    assert keras.layers.BatchNormalization not in kinds
    expected = built.network(IMAGES, training=False)
    np.testing.assert_allclose(copy(IMAGES, training=False), expected, atol=1e-5)


def flags(model: keras.Model) -> list[tuple[str, bool, str]]:
    """Of every layer with weights, at any depth: name, whether it learns, what it computes in."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += flags(layer)
        elif layer.weights:
            found.append((layer.name, layer.trainable, layer.compute_dtype))
    return found


@pytest.mark.parametrize("built", ["efficientnet_v2_b0"], indirect=True)
def test_a_resumed_run_drops_the_blocks_that_an_uninterrupted_one_would(
    built: Built, tmp_path: Path
) -> None:
    network = built.network
    states = random_states(network)
    assert len(states) == 1 + 1 + 2 + 4 + 7  # of every block but the first of a group
    checkpoint = tf.train.Checkpoint(network=network, random=states)
    path = checkpoint.save(tmp_path / "checkpoint")
    uninterrupted = [network(IMAGES, training=True).numpy() for _ in range(2)]
    assert not np.array_equal(*uninterrupted)
    checkpoint.restore(path).assert_existing_objects_matched()
    resumed = [network(IMAGES, training=True).numpy() for _ in range(2)]
    np.testing.assert_array_equal(resumed, uninterrupted)
