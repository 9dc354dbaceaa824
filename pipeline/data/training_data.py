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
from pipeline.data import inputs, pseudo_landmarks, records, samplers, triplet_table
from pipeline.data.damage import DamageCount
from pipeline.data.record_table import RecordTable, open_records
from pipeline.data.shards import RecordFiles
from pipeline.progress import logger

Batches = Literal["landmarks", "photographs", "pairs", "triplets"]
# Seed and epoch give the record numbers of the epoch's batches.
Order = Callable[[int, int], np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Records, how to parse them, and how an epoch is made of them.

    Attributes:
        files: The records.
        parse: Splits a record into its photographs.
        labels: The landmark of every photograph of a record, int64 ``(records, photographs)``, -1
            where unknown. Of triplets these are pseudo-landmarks, and a photograph that no pair
            joins with another has one of its own: nothing is known to match it.
        order: From seed and epoch, int64 ``(batches, examples, records)``: an example is a
            photograph, a pair or a triplet.
        contents: Content ids of all photographs that may be learned from, bytes.
        fingerprints: SHA-256 of every file, and of what is left out of it, by its path.
        photographs: Of an example: 1, 2 or 3.
        comparable: Labels of the landmarks with two photographs or more, int64, ascending.
        damage: From the largest share that may be damaged, the count to start with.
    """

    files: RecordFiles
    parse: inputs.Parse
    labels: np.ndarray
    order: Order
    contents: np.ndarray
    fingerprints: dict[str, str]
    photographs: int
    comparable: np.ndarray
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

        return cls._of_table(table, order, 1)

    @classmethod
    def shuffled(cls, folder: Path, split: str, *, batch: int) -> "TrainingData":
        """Batches of a record folder's split in random order, whatever the landmarks.

        Landmarks of one photograph take no part, as in the other batches.

        Raises:
            FileNotFoundError: If there are no such records.
            ValueError: As ``labelled``.
        """
        table = open_records(folder, split)
        comparable = np.concatenate(list(samplers.comparable_landmarks(table.labels).values()))

        def order(seed: int, epoch: int) -> np.ndarray:
            chosen = samplers.shuffled_batches(len(comparable), batch, seed=seed, epoch=epoch)
            return comparable[chosen][..., None]

        return cls._of_table(table, order, 1)

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

        return cls._of_table(table, order, 2)

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

        # Labels are by content, and records of one content are one record.
        return dataclasses.replace(
            cls._of_table(table, order, 3), labels=pseudo_landmarks.apart(table.labels)[:, None]
        )

    @classmethod
    def _of_table(cls, table: RecordTable, order: Order, photographs: int) -> "TrainingData":
        paths = table.files.paths
        return cls(
            files=table.files,
            parse=inputs.parse_labelled,
            labels=table.labels[:, None],
            order=order,
            contents=table.contents,
            fingerprints=dict(zip(map(str, paths), table.fingerprints, strict=True)),
            photographs=photographs,
            comparable=_comparable(table.labels),
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

        sound, contents = inputs.read_triplet_ids(files)
        known, triplets = np.unique(contents, return_inverse=True)
        triplets = triplets.reshape(contents.shape)
        groups = pseudo_landmarks.join_pairs(triplets, len(known))
        labels = np.full((len(files), 3), -1, np.int64)
        labels[sound] = pseudo_landmarks.apart(groups)[triplets]
        usable = _usable_triplets(sound, triplets, groups, len(files))

        def order(seed: int, epoch: int) -> np.ndarray:
            chosen = samplers.shuffled_batches(len(usable), batch, seed=seed, epoch=epoch)
            return usable[chosen][..., None]

        return cls(
            files=files,
            parse=inputs.parse_triplet,
            labels=labels,
            order=order,
            contents=known,
            fingerprints={
                str(path): manifest.fingerprint_files(path.parent, [path]) for path in paths
            },
            photographs=3,
            comparable=_comparable(groups),
            damage=lambda most: DamageCount.of_files(files, most),
        )

    def share(self, order: np.ndarray, worker: int, workers: int) -> np.ndarray:
        """Which examples of an order a worker reads: those that begin in its own files.

        Files are dealt round, so what a worker reads is about an equal part, and together they
        read exactly the batches that one process would.

        Args:
            order: int ``(batches, examples, records)``, as ``order`` gives.
            worker: Which, from 0.
            workers: How many.

        Returns:
            bool ``(batches, examples)``.
        """
        return self.files.file[order[..., 0]] % workers == worker

    def landmark_names(self) -> set[str]:
        """What the landmarks are called, read from a record of each; triplets tell no names."""
        if self.parse is not inputs.parse_labelled:
            return set()
        labels, first = np.unique(self.labels[:, 0], return_index=True)
        found = (self.files.read(int(number)) for number in first[labels >= 0])
        return {name for name in map(records.landmark_name, found) if name}

    def describe(self) -> dict[str, object]:
        """What the model's file says of the training data, with a SHA-256 of every file."""
        return {
            "files": self.fingerprints,
            "records": len(self.files),
            "landmarks": len(self.comparable),
        }


def _comparable(labels: np.ndarray) -> np.ndarray:
    found, counts = np.unique(labels[labels >= 0], return_counts=True)
    return found[counts > 1]


def _usable_triplets(
    sound: np.ndarray, triplets: np.ndarray, groups: np.ndarray, count: int
) -> np.ndarray:
    """Record numbers of what can be learned from; damaged ones stay, to be named in training."""
    degenerate, contradictory = pseudo_landmarks.unusable_triplets(triplets, groups)
    if degenerate.any() or contradictory.any():
        logger.warning(
            "%d triplets are left out, their anchor and positive being one photograph; %d, their "
            "negative belonging to the anchor's own pseudo-landmark.",
            *(degenerate.sum(), contradictory.sum()),
        )
    usable = np.setdiff1d(np.arange(count), sound[degenerate | contradictory])
    if not len(usable):
        raise ValueError("No triplet can be learned from; build the triplets again.")
    return usable
