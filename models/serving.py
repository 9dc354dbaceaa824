"""The SavedModel that others load: photographs in, unit vectors out, preprocessing inside."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from models.grouping import describe_by_size, pack, unpack
from models.local.extraction import LocalExtraction
from models.preprocessing import fitting_sides, load_at_sizes, resize
from models.regions import centres, split, within
from models.variants import FrozenNetwork

_SMALLEST_SIDE = 32  # halved five times, as backbones do, it is one place


def aggregate(descriptions: tf.Tensor, power: float) -> tf.Tensor:
    """Makes one description of a photograph out of several.

    Component by component ``mean(x ** p) ** (1 / p)``, then unit length: so Radenović et al., 2018,
    https://arxiv.org/abs/1711.02512, aggregate scales. They do it before any projection; of a
    component below zero, as one gives, the absolute value is raised and the sign kept,
    ``sign(x) * |x| ** p``, and likewise the root.

    Args:
        descriptions: float32 ``(descriptions, batch, dim)``, unit length.
        power: The exponent ``p``, at least 1; 1 is the plain mean.

    Returns:
        float32 ``(batch, dim)``, unit length.
    """
    if power == 1:
        return tf.math.l2_normalize(tf.reduce_mean(descriptions, axis=0), axis=-1)
    mean = tf.reduce_mean(tf.sign(descriptions) * tf.abs(descriptions) ** power, axis=0)
    return tf.math.l2_normalize(tf.sign(mean) * tf.abs(mean) ** (1 / power), axis=-1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Views:
    """What a network sees of a photograph, and how its descriptions of that become one.

    Attributes:
        scales: Multiples of the network's size.
        flip: Whether it sees the mirror image too.
        power: Exponent of the generalised mean, see ``aggregate``.
        keep_aspect: Whether it sees a rectangle of the photograph's aspect ratio, and of as many
            pixels as the square that it sees else: see ``models.preprocessing.fitting_sides``.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    power: float = 1.0
    keep_aspect: bool = False

    def sides(self, size: int) -> tuple[int, ...]:
        """Sides of the squares that a network of a size sees, ascending, pixels.

        Raises:
            ValueError: If one is below 32, or two are one.
        """
        sides = tuple(round(size * scale) for scale in sorted(self.scales))
        if sides[0] < _SMALLEST_SIDE or len(set(sides)) < len(sides):
            raise ValueError(
                f"--scales give images of at least {_SMALLEST_SIDE} pixels, each of another size. "
                f"Received: {', '.join(map(str, sides))} pixels."
            )
        return sides


class ServingModel(tf.Module):
    """An embedding network behind four named signatures.

    Each scale is resized from the photograph itself. Whoever describes many photographs prepares
    them in an input pipeline, with ``prepare``, and describes them in batches, with
    ``describe_prepared``; both are functions of the SavedModel too, and so is ``describe_places``.

    Args:
        network: From uint8 ``(batch, side, side, 3)``, whatever the side, to ``(batch, dim)`` of
            unit length; any of its variants.
        size: Side of the network's input at scale 1, pixels.
        views: Scales and mirror images, and how they are aggregated.
        whitening: Projection ``(dim, dimension)`` and mean ``(dim,)`` that the description passes
            at last, as ``models.whitening`` learns them.
        local: What finds local features, behind the signature ``default`` of TF-Hub's DELF; None
            for none.

    Attributes:
        dimension: Length of a description.
        local: As given.

    Raises:
        ValueError: If the scales do not fit the size.
    """

    def __init__(
        self,
        network: keras.Model | FrozenNetwork,
        size: int,
        views: Views = Views(),
        whitening: tuple[np.ndarray, np.ndarray] | None = None,
        local: LocalExtraction | None = None,
    ) -> None:
        super().__init__()
        self._network = network
        self._parts = network.parts if isinstance(network, FrozenNetwork) else split(network)
        # One graph for all scales: one for each made the SavedModel of MobileNetV2 .7 MB larger.
        images = tf.TensorSpec([None, None, None, 3], tf.uint8)
        self._features = tf.function(self._parts.features, input_signature=[images])
        self.local = local
        self._views = views
        self._sides = views.sides(size)
        self._whitening = None if whitening is None else tuple(map(tf.Variable, whitening))
        self.dimension = network.output_shape[-1] if whitening is None else len(whitening[0].T)
        self.weights = network.variables  # what a SavedModel of this module has to hold
        batched = tuple(tf.TensorSpec([None, *spec.shape], spec.dtype) for spec in self._prepared)
        self.describe_prepared = tf.function(
            self._describe, input_signature=[batched], autograph=False
        )

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")], autograph=False
    )
    def serving_default(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes encoded photographs of any size, string ``(batch,)``.

        A JPEG is decoded at a reduced scale where it is large, as in training. The same
        photograph given to ``pixels`` in full differs by a level or so a pixel.
        """
        return self.describe_prepared(
            tf.map_fn(self.prepare, image_bytes, fn_output_signature=self._prepared)
        )

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")],
        autograph=False,
    )
    def pixels(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes RGB images of one size, uint8 ``(batch, height, width, 3)``."""
        return self._whole([self._seen(self._resized(images, side)) for side in self._sides])

    @tf.function(
        input_signature=[tf.TensorSpec([None, None, 3], tf.uint8, name="input_image")],
        autograph=False,
    )
    def kaggle(self, input_image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes one RGB image, uint8 ``(height, width, 3)``, as Kaggle's contests ask."""
        descriptors = self.pixels(input_image[None])
        return {name: batch[0] for name, batch in descriptors.items()}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="image_bytes"),
            tf.TensorSpec([None, 4], tf.float32, name="box"),
        ]
    )
    def region(self, image_bytes: tf.Tensor, box: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes a part of each of some photographs, by that part of its feature maps.

        Args:
            image_bytes: string ``(batch,)``, as for ``serving_default``.
            box: float32 ``(batch, 4)``: left, top, right and bottom, as shares of the upright
                photograph's width and height, 0 to 1.
        """
        is_box = (box >= 0) & (box <= 1)
        is_box &= tf.tile(box[:, :2] < box[:, 2:], [1, 2])
        message = "box is left, top, right, bottom, as shares of width and height, 0 to 1."
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(is_box), [message, box])]):
            described = tf.map_fn(
                self._describe_part,
                (image_bytes, box),
                fn_output_signature=tf.TensorSpec([self.dimension], tf.float32),
            )
        return {"global_descriptor": described}

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def describe_places(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes every place of the feature map of one photograph, as if there were no other.

        Of the largest scale, whose places are the smallest, and without the mirror image. A place
        is described as ``region`` does a box around its centre, where there is one scale.

        Args:
            encoded: A photograph, string scalar.

        Returns:
            ``descriptors`` float32 ``(rows, columns, dim)``, unit length, and where their centres
            are: ``down`` ``(rows,)`` and ``across`` ``(columns,)``, shares of the upright
            photograph's height and width.
        """
        image = self.prepare(encoded)[-1]
        if self._views.keep_aspect:
            image = unpack(image)
        features = self._features(image[None])
        shape, sides = tf.shape(features), tf.shape(image)[:2]
        each = tf.reshape(features, (-1, 1, 1, features.shape[-1]))
        described = self._whitened(self._parts.head(each))
        down, across = (centres(shape[1 + axis], sides[axis], self._parts.seen) for axis in (0, 1))
        return {
            "descriptors": tf.reshape(described, (shape[1], shape[2], self.dimension)),
            "down": down / tf.cast(sides[0], tf.float32),
            "across": across / tf.cast(sides[1], tf.float32),
        }

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def prepare(self, encoded: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Decodes one photograph of any size, a string scalar.

        Returns:
            What the network sees of it: for every scale, ascending, uint8 ``(side, side, 3)``, or,
            where the aspect ratio is kept, a string of ``models.grouping.pack``.
        """
        images = load_at_sizes(encoded, self._sides, keep_aspect=self._views.keep_aspect)
        return tuple(map(pack, images)) if self._views.keep_aspect else images

    def save(self, folder: Path) -> None:
        """Writes the SavedModel with its four signatures, and that of local features."""
        signatures = {
            "serving_default": self.serving_default,
            "pixels": self.pixels,
            "kaggle": self.kaggle,
            "region": self.region,
        }
        if self.local is not None:
            signatures["default"] = self.local.default
        tf.saved_model.save(self, str(folder), signatures=signatures)

    def _resized(self, images: tf.Tensor, side: int) -> tf.Tensor:
        """Images already of the size pass untouched."""
        keep_aspect = self._views.keep_aspect
        sides = tf.shape(images)[1:3]
        fits = tf.reduce_all(sides == fitting_sides(sides, side, keep_aspect=keep_aspect))
        images = tf.cond(
            fits, lambda: images, lambda: resize(images, side, keep_aspect=keep_aspect)
        )
        return images if keep_aspect else tf.ensure_shape(images, (None, side, side, 3))

    @property
    def _prepared(self) -> tuple[tf.TensorSpec, ...]:
        """What ``prepare`` gives."""
        if self._views.keep_aspect:
            return tuple(tf.TensorSpec([], tf.string) for _ in self._sides)
        return tuple(tf.TensorSpec([side, side, 3], tf.uint8) for side in self._sides)

    def _describe(self, prepared: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """Describes a batch of what ``prepare`` gives."""
        if not self._views.keep_aspect:
            return self._whole([self._seen(images) for images in prepared])
        length = self._network.output_shape[-1] * (2 if self._views.flip else 1)
        return self._whole([describe_by_size(self._seen, scale, length) for scale in prepared])

    def _describe_part(self, photograph: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Describes what lies in a box of one photograph, ``(dim,)``."""
        encoded, box = photograph
        images = self.prepare(encoded)
        if self._views.keep_aspect:
            images = tuple(map(unpack, images))
        of_scales = [self._seen_within(image[None], box) for image in images]
        return self._whole(of_scales)["global_descriptor"][0]

    def _seen_within(self, images: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
        """As ``_seen``, of what lies in a box, float32 ``(4,)``."""
        parts, sides = self._parts, tf.shape(images)[1:3]
        described = parts.head(within(self._features(images), box, sides, parts.seen))
        if not self._views.flip:
            return described
        left, top, right, bottom = tf.unstack(box)
        mirrored = tf.stack([1 - right, top, 1 - left, bottom])
        features = self._features(tf.reverse(images, [2]))
        return tf.concat([described, parts.head(within(features, mirrored, sides, parts.seen))], 1)

    def _seen(self, images: tf.Tensor) -> tf.Tensor:
        """Describes images as they are, uint8 ``(batch, height, width, 3)``.

        Returns:
            float32 ``(batch, dim)``; ``(batch, 2 * dim)`` where the mirror images follow.
        """
        described = self._network(images, training=False)
        if not self._views.flip:
            return described
        return tf.concat([described, self._network(tf.reverse(images, [2]), training=False)], 1)

    def _whole(self, of_scales: list[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Makes one description of what was seen at every scale, and whitens it."""
        views = [
            view for seen in of_scales for view in tf.split(seen, 2 if self._views.flip else 1, 1)
        ]
        described = views[0]
        if len(views) > 1:
            described = aggregate(tf.stack(views), self._views.power)
        return {"global_descriptor": self._whitened(described)}

    def _whitened(self, described: tf.Tensor) -> tf.Tensor:
        if self._whitening is None:
            return described
        projection, mean = self._whitening
        return tf.math.l2_normalize((described - mean) @ projection, axis=-1)
