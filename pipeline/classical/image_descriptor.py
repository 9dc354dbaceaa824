"""Describes photographs one by one, with a function of an image."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from models.grouping import pack, unpack
from models.preprocessing import decode_photograph
from pipeline import descriptions
from pipeline.data.batching import Prepare
from pipeline.descriptions import Descriptions
from pipeline.local_features.fitting import fitted


class ImageDescriptor:
    """Describes photographs one by one. See ``Descriptor``.

    Args:
        folder: The model folder.
        fingerprint: Of what decides the descriptions.
        none: Descriptions of no photographs.
        describe: From an image, uint8 ``(height, width, 3)``, RGB, to a description of it, of as
            many rows as one photograph has.
        longest_side: To which photographs are reduced before, pixels.
    """

    def __init__(
        self,
        folder: Path,
        fingerprint: str,
        none: Descriptions,
        describe: Callable[[np.ndarray], Descriptions],
        longest_side: int,
    ) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        self.dimension: int = none.shape[1]
        self.prepare: Prepare = self._prepare
        self._none = none
        self._describe = describe
        self._longest_side = longest_side

    def none(self) -> Descriptions:
        """See ``Descriptor``."""
        return self._none

    def describe_prepared(self, prepared: Any) -> Descriptions:
        """See ``Descriptor``."""
        return self._describe_all([unpack(one).numpy() for one in prepared])

    def describe_images(self, images: np.ndarray) -> Descriptions:
        """See ``Descriptor``."""
        return self._describe_all([self._reduced(image) for image in images])

    def describe_files(self, encoded: Sequence[bytes]) -> Descriptions:
        """See ``Descriptor``."""
        try:
            prepared = [self._prepare(tf.constant(one)) for one in encoded]
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                "A photograph is damaged, or no JPEG, PNG, BMP, GIF or WebP."
            ) from error
        return self.describe_prepared(prepared)

    def _prepare(self, encoded: tf.Tensor) -> tf.Tensor:
        """Decodes and reduces a photograph, and packs it, as sizes differ within a batch."""
        image = tf.numpy_function(
            self._reduced, [decode_photograph(encoded)], tf.uint8, stateful=False
        )
        return pack(tf.ensure_shape(image, (None, None, 3)))

    def _reduced(self, image: np.ndarray) -> np.ndarray:
        return fitted(image, self._longest_side)[0]

    def _describe_all(self, images: Sequence[np.ndarray]) -> Descriptions:
        described = [self._describe(image) for image in images]
        found: Descriptions = descriptions.concatenate([self._none, *described])
        return found
