"""The SavedModel of a DELF or DELG, with the signatures of whatever it can do."""

from pathlib import Path
from typing import Literal

import tensorflow as tf

from models.delf.global_descriptor import GlobalDescriptor
from models.delf.local_features import LocalFeatures
from models.delf.sources import Source


class DelfModel(tf.Module):
    """Local features behind ``default``, and a global descriptor behind the rest.

    What the SavedModel gives needs neither this code nor ``tensorflow_hub``.

    Args:
        source: A published model; it has the one, the other or both.

    Attributes:
        local: What ``default`` runs; None if there are no local features.
        whole: What ``serving_default``, ``pixels`` and ``kaggle`` run, and ``prepare`` and
            ``describe_prepared``, as those of ``models.serving.ServingModel``; None if there is no
            global descriptor.
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.local = None if source.local is None else LocalFeatures(source)
        self.whole = None if source.whole is None else GlobalDescriptor(source)
        if self.whole is not None:
            self.prepare = self.whole.prepare
            self.describe_prepared = self.whole.describe_prepared

    @property
    def kind(self) -> Literal["delf", "delg"]:
        """A DELG has a global descriptor."""
        return "delf" if self.whole is None else "delg"

    def save(self, folder: Path) -> None:
        """Writes the SavedModel."""
        signatures = {}
        if self.local is not None:
            signatures["default"] = self.local.default
        if self.whole is not None:
            signatures["serving_default"] = self.whole.serving_default
            signatures["pixels"] = self.whole.pixels
            signatures["kaggle"] = self.whole.kaggle
        tf.saved_model.save(self, str(folder), signatures=signatures)
