"""The stages of a backbone: how much of it to freeze, and how deep a weight lies."""

from collections.abc import Iterator

import keras

from models.backbones.architectures import ARCHITECTURES

STAGES = 5


def backbone_of(network: keras.Model) -> keras.Model:
    """The backbone within an embedding network."""
    return next(layer for layer in network.layers if isinstance(layer, keras.Model))


def freeze_stages(network: keras.Model, stages: int) -> None:
    """Freezes the first stages of the backbone, which see edges and textures.

    A stage ends where the stride doubles, see ``Architecture.stage_ends``. What is frozen
    already stays so.

    Args:
        network: An embedding network.
        stages: 0 freezes nothing, 5 the whole backbone.

    Raises:
        ValueError: For another number of stages.
    """
    if not 0 <= stages <= STAGES:
        raise ValueError(f"--frozen_stages is 0 to {STAGES}. Received: {stages}.")
    for layer, stage in staged_layers(backbone_of(network)):
        if stage <= stages:
            layer.trainable = False


def stages_of(network: keras.Model) -> dict[str, int]:
    """The stage of every trainable variable, by its path, for layer-wise learning rates.

    Returns:
        1 to 5 within the backbone; 6 for what follows it: the exponent and the projection.
    """
    stages = {variable.path: STAGES + 1 for variable in network.trainable_variables}
    for layer, stage in staged_layers(backbone_of(network)):
        stages.update({variable.path: stage for variable in layer.trainable_variables})
    return stages


def staged_layers(backbone: keras.Model) -> Iterator[tuple[keras.layers.Layer, int]]:
    """Every layer of a backbone with its stage, in the order in which the data pass them."""
    stage_ends = ARCHITECTURES[backbone.name].stage_ends
    stage = 1
    for layer in backbone.layers:
        # ConvNeXt nests a few; a file keeps what is frozen of the layers, not of their Sequential.
        for part in layer.layers if isinstance(layer, keras.Sequential) else [layer]:
            yield part, stage
        if layer.name in stage_ends:
            stage += 1
