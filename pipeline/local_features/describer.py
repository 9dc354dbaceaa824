"""What the embedding job makes of photographs with an extractor: their local features."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from models.grouping import pack, unpack
from models.preprocessing import decode_photograph
from pipeline.embeddings.description import Described
from pipeline.local_features import coding
from pipeline.local_features.extractor import Extractor, open_extractor
from pipeline.local_features.fitting import fitted


class FeatureDescriber:
    """Finds the local features of photographs. See ``Describer``."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor
        self.fingerprint = extractor.fingerprint

    @classmethod
    def open(cls, folder: Path, most: int) -> "FeatureDescriber":
        """Opens the extractor of a folder; raises what ``open_extractor`` does."""
        return cls(open_extractor(folder, most))

    def prepare(self, encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The photograph, reduced to what the extractor looks at, and its own sides.

        Reduced already here: a batch of large photographs would not fit into memory.
        """
        image = decode_photograph(encoded)
        reduced = tf.numpy_function(self._fitted, [image], tf.uint8, stateful=False)
        return pack(reduced), tf.shape(image)[:2]

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        return fitted(image, self._extractor.longest_side)[0]

    def describe(self, prepared: Any) -> Described:
        """See ``Describer``."""
        stored, sides = [], prepared[1].numpy()
        for packed, (height, width) in zip(prepared[0], sides, strict=True):
            image = unpack(packed).numpy()
            factors = height / image.shape[0], width / image.shape[1]
            features = self._extractor.extract(image).enlarged(factors)
            stored.append(coding.encode(features, (height, width)))
        return np.concatenate(stored), _columns(sides, [len(one) for one in stored])

    def nothing(self) -> Described:
        """See ``Describer``."""
        none = np.zeros(0, coding.stored_type(self._extractor.dimension))
        return none, _columns(np.zeros((0, 2)), [])


def _columns(sides: np.ndarray, counts: list[int]) -> dict[str, np.ndarray]:
    return {
        "height": sides[:, 0].astype(np.int32),
        "width": sides[:, 1].astype(np.int32),
        "features": np.array(counts, np.int32),
    }
