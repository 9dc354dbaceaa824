"""Any model folder as one thing that describes photographs."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from models.preprocessing import resize
from pipeline import model_folder
from pipeline.classical.opening import open_classical
from pipeline.data.batching import Prepare
from pipeline.descriptions import Descriptions
from pipeline.query_photograph import Box, BoxSource, crop, shares

_REGION = "region"  # the signature that describes a part by its feature map
_PLACES = "describe_places"  # the function of the SavedModel that describes each of its places


@dataclasses.dataclass(frozen=True, kw_only=True)
class Places:
    """Every place of a network's feature map of a photograph, described as if it were alone.

    Attributes:
        descriptors: float32 ``(rows, columns, dimension)``, unit length.
        down: Where the centres of the rows are, float32 ``(rows,)``, shares of the photograph's
            height; ``across`` of the columns, of its width.
    """

    descriptors: np.ndarray
    down: np.ndarray
    across: np.ndarray


class Descriptor(Protocol):
    """Describes photographs."""

    @property
    def folder(self) -> Path:
        """The model folder."""
        ...

    @property
    def dimension(self) -> int:
        """Length of the vectors, or number of the words."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the files that decide the descriptions."""
        ...

    @property
    def prepare(self) -> Prepare:
        """From the bytes of a photograph, a string scalar, to what the model sees of it.

        For the ``map`` of a data set.
        """
        ...

    def none(self) -> Descriptions:
        """Descriptions of no photographs."""
        ...

    def describe_prepared(self, prepared: Any) -> Descriptions:
        """Describes a batch of what ``prepare`` gives, as ``describe_images`` does images."""
        ...

    def describe_images(self, images: np.ndarray) -> Descriptions:
        """Describes RGB images of one size.

        Args:
            images: uint8 ``(batch, height, width, 3)``.

        Returns:
            float32 ``(batch, dimension)``, unit length; or as many bags of words.
        """
        ...

    def describe_files(self, encoded: Sequence[bytes]) -> Descriptions:
        """Describes encoded photographs of any size.

        Args:
            encoded: The bytes of JPEG, PNG, BMP, GIF or WebP files.

        Raises:
            ValueError: If one cannot be decoded.
        """
        ...


def open_descriptor(folder: Path) -> Descriptor:
    """The descriptor in a model folder.

    Args:
        folder: ``exported/MODEL``.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
        ValueError: If its files are not those that ``model.json`` tells of, or it gives local
            features only.
    """
    described = model_folder.read_model_file(folder)
    model_folder.require_global_descriptor(folder, described)
    if model_folder.is_classical(folder):
        return open_classical(folder, described)
    return SavedDescriptor(folder)


def describe_part(
    descriptor: Descriptor, image: np.ndarray, box: Box | None, source: BoxSource
) -> Descriptions:
    """Describes an image, or a part of it.

    Args:
        descriptor: The model.
        image: uint8 ``(height, width, 3)``, RGB, upright.
        box: The part; None for all of it.
        source: What the part is cut out of: the photograph, or the model's feature map of it; auto
            is the feature map where the model has one.

    Returns:
        One description.

    Raises:
        ValueError: If the box leaves nothing of the image, or the model has no feature map.
    """
    if source == "auto":
        has_map = isinstance(descriptor, SavedDescriptor) and descriptor.has_regions
        source = "feature_map" if has_map else "photograph"
    if box is None or source == "photograph":
        return descriptor.describe_images(crop(image, box)[None])
    if not isinstance(descriptor, SavedDescriptor):
        raise ValueError(
            f"{descriptor.folder} is no network and has no feature map; pass --box_from=photograph."
        )
    return descriptor.describe_region(image, shares(image, box))


class SavedDescriptor:
    """Describes photographs with a SavedModel.

    Args:
        folder: A model folder, ``exported/MODEL``.

    Attributes:
        folder: See ``Descriptor``; likewise ``dimension``, ``fingerprint`` and ``prepare``.

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
        self.fingerprint = model_folder.require_own_files(folder, described)
        self._module = tf.saved_model.load(str(folder / model_folder.SAVED_MODEL))
        self.prepare: Prepare = self._module.prepare
        seen = self._module.describe_prepared.concrete_functions[0].structured_input_signature[0][0]
        self._is_tuple = isinstance(seen, tuple)
        self._sides = _sides(seen)
        # As a graph: of a small photograph, operation by operation takes three times as long.
        self._resized = tf.function(
            lambda image: tuple(resize(image, side) for side in self._sides),
            input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)],
            autograph=False,
        )

    def none(self) -> np.ndarray:
        """See ``Descriptor``."""
        return np.zeros((0, self.dimension), np.float32)

    def describe_prepared(self, prepared: Any) -> np.ndarray:
        """Describes a batch of what ``prepare`` gives, as ``describe_images`` does images."""
        return self._module.describe_prepared(prepared)["global_descriptor"].numpy()

    def prepare_image(self, image: np.ndarray) -> tuple[tf.Tensor, ...]:
        """What the model sees of an image, as ``prepare`` gives it of the image's file.

        So images of several sizes are described in one batch, as ``describe_images`` describes
        each.

        Args:
            image: uint8 ``(height, width, 3)``, RGB.
        """
        if self._sides:
            return self._resized(tf.constant(image))
        prepared = self.prepare(tf.io.encode_png(image, compression=0))
        return prepared if isinstance(prepared, tuple) else (prepared,)

    def describe_all(self, prepared: Sequence[tuple[tf.Tensor, ...]]) -> np.ndarray:
        """Describes what ``prepare_image`` gave of some images, float32 ``(n, dimension)``."""
        batch = tuple(tf.stack(of_all) for of_all in zip(*prepared, strict=True))
        return self.describe_prepared(batch if self._is_tuple else batch[0])

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

    @property
    def has_regions(self) -> bool:
        """Whether it describes parts of its feature map."""
        return _REGION in self._module.signatures

    def describe_region(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Describes a part of an image by that part of the network's feature maps of all of it.

        Args:
            image: uint8 ``(height, width, 3)``, RGB.
            box: float32 ``(4,)``: left, top, right, bottom as shares of width and height, 0 to 1.

        Returns:
            float32 ``(1, dimension)``, unit length.

        Raises:
            ValueError: If the model has no such signature.
        """
        if not self.has_regions:
            raise ValueError(
                f"{self.folder} does not describe a part of its feature map: it was imported, or "
                "exported by an earlier version. Pass --box_from=photograph, or, for a model "
                "trained here, export it again with `python -m pipeline.export "
                f"--model={self.folder} --overwrite`, then embed and index again."
            )
        # A file that is not compressed: a signature of pixels would be one more graph.
        encoded = tf.io.encode_png(image, compression=0)
        outputs = self._module.signatures[_REGION](
            image_bytes=encoded[None], box=tf.constant(box[None])
        )
        return outputs["global_descriptor"].numpy()

    @property
    def has_places(self) -> bool:
        """Whether it describes the places of its feature map one by one."""
        return hasattr(self._module, _PLACES)

    def describe_places(self, image: np.ndarray) -> Places:
        """Describes every place of the network's feature map of an image, in one pass.

        Args:
            image: uint8 ``(height, width, 3)``, RGB.

        Raises:
            ValueError: If the model has no such function.
        """
        if not self.has_places:
            raise ValueError(
                f"{self.folder} does not describe the places of its feature map: it was imported, "
                "or exported by an earlier version. Export a model that was trained here again "
                f"with `python -m pipeline.export --model={self.folder} --overwrite`, then embed "
                "and index again."
            )
        found = self._module.describe_places(tf.io.encode_png(image, compression=0))
        return Places(**{name: values.numpy() for name, values in found.items()})


def _sides(seen: Any) -> tuple[int, ...]:
    """Of the squares that a network sees of a photograph; none where it sees something else."""
    if not isinstance(seen, tuple) or any(one.dtype != tf.uint8 for one in seen):
        return ()
    return tuple(int(one.shape[1]) for one in seen)
