"""The backbones there are, and what is particular to each."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, get_args

import keras

from models.backbones.preprocessing import PixelScale
from models.backbones.small import small_backbone

BackboneName = Literal[
    "resnet50",
    "resnet101",
    "vgg16",
    "mobilenet_v2",
    "efficientnet_v2_b0",
    "efficientnet_v2_s",
    "convnext_tiny",
    "small",
]
BACKBONES: tuple[str, ...] = get_args(BackboneName)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture:
    """One backbone without its classifier.

    Attributes:
        build: From ``"imagenet"`` or None (random weights) to the network.
        pixels: The preprocessing that its ImageNet weights were trained with.
        stage_ends: The last layer of stages 1 to 4: those of strides 2, 4, 8 and 16. What
            follows is stage 5. ConvNeXt's stem, its stage 1, has stride 4 at once; of
            ``small`` nothing follows.
    """

    build: Callable[[str | None], keras.Model]
    pixels: PixelScale
    stage_ends: tuple[str, str, str, str]


def _application(
    constructor: Callable[..., keras.Model], **options: Any
) -> Callable[[str | None], keras.Model]:
    return lambda weights: constructor(
        include_top=False, weights=weights, input_shape=(None, None, 3), **options
    )


ARCHITECTURES: dict[str, Architecture] = {
    "resnet50": Architecture(
        build=_application(keras.applications.ResNet50),
        pixels="caffe",
        stage_ends=("conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out"),
    ),
    "resnet101": Architecture(
        build=_application(keras.applications.ResNet101),
        pixels="caffe",
        stage_ends=("conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block23_out"),
    ),
    "vgg16": Architecture(
        build=_application(keras.applications.VGG16),
        pixels="caffe",
        stage_ends=("block1_pool", "block2_pool", "block3_pool", "block4_pool"),
    ),
    "mobilenet_v2": Architecture(
        build=_application(keras.applications.MobileNetV2),
        pixels="tf",
        stage_ends=("expanded_conv_project_BN", "block_2_add", "block_5_add", "block_12_add"),
    ),
    "efficientnet_v2_b0": Architecture(
        build=_application(keras.applications.EfficientNetV2B0, include_preprocessing=False),
        pixels="torch",
        stage_ends=("block1a_project_activation", "block2b_add", "block3b_add", "block5e_add"),
    ),
    "efficientnet_v2_s": Architecture(
        build=_application(keras.applications.EfficientNetV2S, include_preprocessing=False),
        pixels="halves",
        stage_ends=("block1b_add", "block2d_add", "block3d_add", "block5i_add"),
    ),
    "convnext_tiny": Architecture(
        build=_application(keras.applications.ConvNeXtTiny, include_preprocessing=False),
        pixels="torch",
        stage_ends=(
            "convnext_tiny_stem",
            "convnext_tiny_stage_0_block_2_identity",
            "convnext_tiny_stage_1_block_2_identity",
            "convnext_tiny_stage_2_block_8_identity",
        ),
    ),
    "small": Architecture(
        build=lambda _: small_backbone(),
        pixels="tf",
        stage_ends=("stem_out", "stage2_out", "stage3_out", "stage4_out"),
    ),
}
