"""What a training run learns from, however its batches are made, behind one shape."""

import dataclasses
import glob
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf

from pipeline import manifest
from pipeline.data import inputs, records, samplers, triplet_table
from pipeline.data.damage import DamageCount
from pipeline.data.record_table import RecordTable, open_records
from pipeline.data.shards import RecordFiles

Batches = Literal["landmarks", "pairs", "triplets"]
# Seed and epoch give the record numbers of the epoch's batches.
Order = Callable[[int, int], np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Records, how to parse them, and how an epoch is made of them.

    Attributes:
        files: The records.
        parse: Splits a record into its photographs and labels.
        order: From seed and epoch, int64 ``(batches, examples, records)``: an example is a
            photograph, a pair or a triplet.
        contents: Content ids of all photographs that may be learned from, bytes.
        fingerprints: SHA-256 of every file, and of what is left out of it, by its path.
        landmarks: How many are known; None where the records tell of none.
        damage: From the largest share that may be damaged, the count to start with.
    """

    files: RecordFiles
    parse: inputs.Parse
    order: Order
    contents: np.ndarray
    fingerprints: dict[str, str]
    landmarks: int | None
    damage: Callable[[float], DamageCount]

    @classmethod
    def labelled(
        cls, folder: Path, split: str, *, landmarks: int, photographs: int
    ) -> "TrainingData":
        """Batches of P landmarks by K photographs of a record folder's split.

        Raises:
            FileNotFoundError: If there are no such records.
            ValueError: If they are damaged, or of fewer landmarks than can be compared.
        """
        table = open_records(folder, split)
        samplers.comparable_landmarks(table.labels)

        def order(seed: int, epoch: int) -> np.ndarray:
            return samplers.landmark_batches(
                table.labels, landmarks, photographs, seed=seed, epoch=epoch
            )[..., None]

        return cls._of_table(table, order)

    @classmethod
    def pairs(cls, folder: Path, split: str, *, batch: int) -> "TrainingData":
        """Batches of pairs, by turns of one landmark and of two, of a record folder's split.

        Raises:
            FileNotFoundError: If there are no such records.
            ValueError: As ``labelled``.
        """
        table = open_records(folder, split)
        samplers.comparable_landmarks(table.labels)

        def order(seed: int, epoch: int) -> np.ndarray:
            return samplers.pair_batches(table.labels, batch, seed=seed, epoch=epoch)

        return cls._of_table(table, order)

    @classmethod
    def recorded_triplets(cls, folder: Path, split: str, *, batch: int) -> "TrainingData":
        """Batches of the triplets that the records of a folder's split were built with.

        Raises:
            FileNotFoundError: If there are no such records, or they came without triplets.
            ValueError: If no triplet has all its photographs in the split.
        """
        table = open_records(folder, split)
        triplets = triplet_table.read_triplets(folder, table.ids)

        def order(seed: int, epoch: int) -> np.ndarray:
            return triplets[samplers.shuffled_batches(len(triplets), batch, seed=seed, epoch=epoch)]

        return cls._of_table(table, order)

    @classmethod
    def _of_table(cls, table: RecordTable, order: Order) -> "TrainingData":
        paths = table.files.paths
        return cls(
            files=table.files,
            parse=inputs.parse_labelled,
            order=order,
            contents=table.contents,
            fingerprints=dict(zip(map(str, paths), table.fingerprints, strict=True)),
            landmarks=len(np.unique(table.labels[table.labels >= 0])),
            damage=lambda most: DamageCount.of(table, most),
        )

    @classmethod
    def triplet_files(cls, pattern: str, *, batch: int) -> "TrainingData":
        """Batches of the triplets of Kaggle's files, as they are.

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

        def order(seed: int, epoch: int) -> np.ndarray:
            return samplers.shuffled_batches(len(files), batch, seed=seed, epoch=epoch)[..., None]

        return cls(
            files=files,
            parse=inputs.parse_triplet,
            order=order,
            contents=inputs.read_triplet_ids(files),
            fingerprints={
                str(path): manifest.fingerprint_files(path.parent, [path]) for path in paths
            },
            landmarks=None,
            damage=lambda most: DamageCount.of_files(files, most),
        )

    def describe(self) -> dict[str, object]:
        """What the model's file says of the training data, with a SHA-256 of every file."""
        described: dict[str, object] = {"files": self.fingerprints, "records": len(self.files)}
        if self.landmarks is not None:
            described["landmarks"] = self.landmarks
        return described
