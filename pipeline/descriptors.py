"""Any model folder as one thing that describes photographs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline import model_folder
from pipeline.data.batching import Prepare


class Descriptor:
    """Describes photographs with an exported model.

    Args:
        folder: A model folder, ``exported/MODEL``.

    Attributes:
        folder: The model folder.
        dimension: Length of the vectors.
        fingerprint: SHA-256 over the files that decide the vectors.
        prepare: From the bytes of a photograph, a string scalar, to the images that the model
            sees of it; for the ``map`` of a data set.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
        ValueError: If its SavedModel is not the one that ``model.json`` tells of, or gives local
            features only.
    """

    def __init__(self, folder: Path) -> None:
        described = model_folder.read_model_file(folder)
        model_folder.require_global_descriptor(folder, described)
        self.folder = folder
        self.dimension: int = described["dimension"]
        self.fingerprint = model_folder.fingerprint(folder)
        if self.fingerprint != described["fingerprint"]:
            raise ValueError(
                f"{folder}/saved_model has the fingerprint {self.fingerprint[:12]}, model.json "
                f"tells of {described['fingerprint'][:12]}; export the model again with "
                f"`python -m pipeline.export --model={folder} --overwrite` and the flags that it "
                "was exported with."
            )
        self._module = tf.saved_model.load(str(folder / model_folder.SAVED_MODEL))
        self.prepare: Prepare = self._module.prepare

    def describe_prepared(self, prepared: Any) -> np.ndarray:
        """Describes a batch of what ``prepare`` gives, as ``describe_images`` does images."""
        return self._module.describe_prepared(prepared)["global_descriptor"].numpy()

    def describe_images(self, images: np.ndarray | tf.Tensor) -> np.ndarray:
        """Describes RGB images of one size.

        Args:
            images: uint8 ``(batch, height, width, 3)``.

        Returns:
            float32 ``(batch, dimension)``, unit length.
        """
        outputs = self._module.signatures["pixels"](images=tf.convert_to_tensor(images))
        return outputs["global_descriptor"].numpy()

    def describe_files(self, encoded: Sequence[bytes]) -> np.ndarray:
        """Describes encoded photographs of any size.

        Args:
            encoded: The bytes of JPEG, PNG, BMP, GIF or WebP files.

        Returns:
            float32 ``(len(encoded), dimension)``, unit length.

        Raises:
            ValueError: If one cannot be decoded.
        """
        try:
            outputs = self._module.signatures["serving_default"](tf.constant(list(encoded)))
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                "A photograph is damaged, or no JPEG, PNG, BMP, GIF or WebP."
            ) from error
        return outputs["global_descriptor"].numpy()
