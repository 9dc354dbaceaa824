"""What a training run learns from: labelled records or Kaggle's triplets, behind one shape."""

import dataclasses
import glob
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline import manifest
from pipeline.data import inputs, records, samplers
from pipeline.data.shards import RecordFiles


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Records, how to parse them, and how an epoch is made of them.

    Attributes:
        files: The records.
        parse: Splits a record into its photographs and labels.
        labels: int64 ``(records,)``; None for triplets.
        ids: Of all photographs, bytes; of triplets, which carry none, the content's.
        landmarks: P of labelled batches; of triplets, the triplets a batch.
        photographs: K of labelled batches; 3 for triplets.
    """

    files: RecordFiles
    parse: inputs.Parse
    labels: np.ndarray | None
    ids: np.ndarray
    landmarks: int
    photographs: int

    @classmethod
    def labelled(
        cls, folder: Path, split: str, *, landmarks: int, photographs: int
    ) -> "TrainingData":
        """Batches of P landmarks by K photographs of a record folder's split.

        Raises:
            FileNotFoundError: If there are no such records.
            ValueError: If they are damaged, or of fewer landmarks than can be compared.
        """
        files = RecordFiles.open([shard.path for shard in records.list_shards(folder, split)])
        ids, labels = inputs.read_ids_and_labels(files)
        samplers.comparable_landmarks(labels)
        return cls(
            files=files,
            parse=inputs.parse_labelled,
            labels=labels,
            ids=ids,
            landmarks=landmarks,
            photographs=photographs,
        )

    @classmethod
    def triplets(cls, pattern: str, *, batch: int) -> "TrainingData":
        """Batches of given triplets.

        Args:
            pattern: Glob of ``train*.tfrec`` files.
            batch: Triplets a batch.

        Raises:
            FileNotFoundError: If no file matches.
            ValueError: If the records have other keys.
        """
        paths = sorted(Path(path) for path in glob.glob(os.path.expanduser(pattern)))
        if not paths:
            raise FileNotFoundError(f"--triplets={pattern} matches no file.")
        files = RecordFiles.open(paths)
        try:
            records.parse_triplet(tf.constant(files.read(0)))
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                f"{paths[0]} holds no triplets (anchor_img, positive_img, negative_img); "
                "labelled records are passed with --records=DIR."
            ) from error
        return cls(
            files=files,
            parse=inputs.parse_triplet,
            labels=None,
            ids=inputs.read_triplet_ids(files),
            landmarks=batch,
            photographs=3,
        )

    def order(self, *, seed: int, epoch: int) -> np.ndarray:
        """The record numbers of an epoch's batches, int64 ``(batches, records a batch)``."""
        if self.labels is None:
            return samplers.shuffled_batches(
                len(self.files), self.landmarks, seed=seed, epoch=epoch
            )
        return samplers.landmark_batches(
            self.labels, self.landmarks, self.photographs, seed=seed, epoch=epoch
        )

    def describe(self) -> dict[str, object]:
        """What the model's file says of the training data, with a SHA-256 of every file."""
        described: dict[str, object] = {
            "files": {
                str(path): manifest.fingerprint_files(path.parent, [path])
                for path in self.files.paths
            },
            "records": len(self.files),
        }
        if self.labels is not None:
            described["landmarks"] = len(samplers.records_by_landmark(self.labels))
        return described
