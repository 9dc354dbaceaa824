"""What part of an image a position of a feature map sees."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras

_WINDOWS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
)
_GLOBAL = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)


@dataclasses.dataclass(frozen=True)
class ReceptiveField:
    """The pixels that the positions of a feature map depend on, the same down and across.

    Attributes:
        stride: Pixels from one position to the next.
        first: The first pixel that position 0 sees; below 0 in the padding.
        last: The last.
    """

    stride: int = 1
    first: int = 0
    last: int = 0

    @property
    def size(self) -> int:
        """Side of what a position sees, pixels."""
        return self.last - self.first + 1

    @property
    def centre(self) -> float:
        """Of what position 0 sees, in pixels; the centre of the first pixel is 0."""
        return (self.first + self.last) / 2

    def seen_through(self, window: int, stride: int, before: int) -> "ReceptiveField":
        """That of what slides a window over this.

        Args:
            window: Its side, positions.
            stride: From one place to the next, positions.
            before: Positions of padding that its first place covers.
        """
        return ReceptiveField(
            stride=self.stride * stride,
            first=self.first - self.stride * before,
            last=self.last + self.stride * (window - 1 - before),
        )

    def joined(self, other: "ReceptiveField") -> "ReceptiveField":
        """That of what combines both position by position."""
        if self.stride != other.stride:
            raise ValueError(f"Maps of strides {self.stride} and {other.stride} are combined.")
        first, last = min(self.first, other.first), max(self.last, other.last)
        return ReceptiveField(self.stride, first, last)


def receptive_field(network: keras.Model, name: str) -> ReceptiveField:
    """That of a layer's map, for images whose sides are multiples of its stride.

    Padding that is "same" lies before and after by how a side is divided, so for other sides
    positions are shifted. What is gated by a mean over the whole map, as in squeeze-and-excite
    blocks, is taken for what it gates.

    Args:
        network: A functional model of one input, its kernels and strides square.
        name: The layer.

    Raises:
        ValueError: If the layer sees everything, or its maps are combined at different strides.
    """
    seen = _walk(network, ReceptiveField(), name)
    if seen is None:
        raise ValueError(f"{name} sees the whole image, not a part of it.")
    return seen


def _walk(network: keras.Model, at_input: ReceptiveField, name: str) -> ReceptiveField | None:
    known: dict[str, ReceptiveField | None] = {}
    operations = {one.name: one for one in network.operations}  # sums of tensors among them
    for config in network.get_config()["layers"]:
        operation = operations[config["name"]]
        sources = [known[source] for source in _sources(config["inbound_nodes"])]
        known[operation.name] = _through(operation, sources or [at_input])
        if operation.name == name:
            return known[name]
    raise ValueError(f"The network has no layer {name}.")


def _sources(nodes: Any) -> Iterator[str]:
    """Names of the layers whose outputs a layer is given, from its serialised calls."""
    if isinstance(nodes, dict):
        if "keras_history" in nodes:
            yield nodes["keras_history"][0]
        else:
            yield from _sources(list(nodes.values()))
    elif isinstance(nodes, list | tuple):
        for node in nodes:
            yield from _sources(node)


def _through(layer: keras.Operation, sources: list[ReceptiveField | None]) -> ReceptiveField | None:
    """Of an operation's output; None where that depends on the whole image."""
    parts = [source for source in sources if source is not None]
    if not parts or isinstance(layer, _GLOBAL):
        return None
    seen = parts[0]
    for other in parts[1:]:
        seen = seen.joined(other)
    if isinstance(layer, keras.Sequential):
        for inner in layer.layers:
            through = _through(inner, [seen])
            if through is None:
                return None
            seen = through
        return seen
    if isinstance(layer, keras.layers.ZeroPadding2D):
        return seen.seen_through(1, 1, layer.padding[0][0])
    if isinstance(layer, _WINDOWS):
        return _window(layer, seen)
    return seen


def _window(layer: keras.Operation, seen: ReceptiveField) -> ReceptiveField:
    is_pooling = hasattr(layer, "pool_size")
    side = (layer.pool_size if is_pooling else layer.kernel_size)[0]
    dilation = 1 if is_pooling else layer.dilation_rate[0]
    window, stride = (side - 1) * dilation + 1, layer.strides[0]
    padding = max(window - stride, 0) if layer.padding == "same" else 0
    return seen.seen_through(window, stride, padding // 2)
