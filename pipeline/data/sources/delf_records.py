"""Google Landmarks v2 records as DELF's ``build_image_dataset.py`` writes them.

https://github.com/tensorflow/models/blob/master/research/delf/delf/python/training/build_image_dataset.py
"""

import csv
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.data.shards import RecordFiles
from pipeline.data.sources.record_files import (
    files_fingerprint,
    open_records,
    read_through,
    record_features,
    require_features,
)
from pipeline.data.sources.source import Skipped, SourcePhotograph

_LAYOUT = "DELF's Google Landmarks v2 records"
_ID, _ENCODED, _LABEL = "image/id", "image/encoded", "image/class/label"
_OURS = "image/sha256"  # DELF's records have no such key
_RELABELING = "relabeling.csv"


class DelfRecordsSource:
    """The photographs of DELF's records, under the ids and landmarks of Google Landmarks v2.

    Opening reads every file through. Records of the test set have no landmark.

    Args:
        pattern: Glob of the shards, ``DIR/train-*-of-*``.
        relabeling: The table that was written beside records of the clean set, whose landmarks
            are numbered anew; by default ``relabeling.csv`` beside the shards if there is one.

    Attributes:
        labels: Numbers of the landmarks in train.csv.
        left_out: Damaged stretches of the files.

    Raises:
        FileNotFoundError: If the pattern matches no file, or the table named is missing.
        ValueError: If a file holds no whole record, or one of another layout, or a landmark is not
            in the table.
    """

    def __init__(self, pattern: str, relabeling: Path | None = None) -> None:
        self._files = open_records(pattern, "delf_records")
        self._relabeling = find_relabeling(self._files.paths, relabeling)
        labels, self._records, self.left_out = _read_labels(self._files)
        self.labels = labels if self._relabeling is None else _old(labels, self._relabeling)

    @functools.cached_property
    def names(self) -> Mapping[int, str]:
        """The landmarks' numbers; these records do not name them."""
        return {int(label): str(label) for label in np.unique(self.labels) if label >= 0}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every file's path, size and time of change."""
        return records_fingerprint(self._files.paths, self._relabeling)

    def read(self, numbers: np.ndarray) -> Iterator[SourcePhotograph | Skipped]:
        """Reads these records."""
        for number in map(int, numbers):
            record = int(self._records[number])
            try:
                features = record_features(self._files.read(record))
            except ValueError as error:
                yield Skipped(name=self._files.where(record), reason=str(error))
                continue
            label = int(self.labels[number])
            photograph_id = features[_ID].bytes_list.value[0].decode(errors="replace")
            yield SourcePhotograph(
                name=f"{self._files.where(record)} ({photograph_id})",
                encoded=features[_ENCODED].bytes_list.value[0],
                landmark=self.names.get(label, ""),
                label=label,
                id=photograph_id,
                title=photograph_id,
            )


def find_relabeling(paths: Sequence[Path], named: Path | None) -> Path | None:
    """The table of labels that is named, or lies beside the shards; None where there is none."""
    beside = paths[0].parent / _RELABELING
    return beside if named is None and beside.is_file() else named


def records_fingerprint(paths: Sequence[Path], relabeling: Path | None) -> str:
    """SHA-256 over every file's path, size and time of change, the table's too."""
    return files_fingerprint([*paths, *([] if relabeling is None else [relabeling])])


def _read_labels(files: RecordFiles) -> tuple[np.ndarray, np.ndarray, Sequence[Skipped]]:
    """Labels and numbers of the sound records, int64 ``(photographs,)`` each, and the damage."""
    labels = np.full(len(files), -1, np.int64)
    is_sound = np.zeros(len(files), bool)
    left_out = []
    for number, features in read_through(files, "Reading DELF's records"):
        if isinstance(features, Skipped):
            left_out.append(features)
            continue
        if _OURS in features:
            raise ValueError(
                f"{files.where(number)} is a record of this system; name its folder with "
                "--records where it is wanted, or have a part of it with `python -m "
                "pipeline.sample`."
            )
        kinds = {_ENCODED: "bytes_list", _ID: "bytes_list"}
        require_features(features, kinds, files.where(number), _LAYOUT)
        if _LABEL in features:
            require_features(features, {_LABEL: "int64_list"}, files.where(number), _LAYOUT)
            labels[number] = features[_LABEL].int64_list.value[0]
        is_sound[number] = True
    return labels[is_sound], np.flatnonzero(is_sound), left_out


def _old(labels: np.ndarray, table: Path) -> np.ndarray:
    """The labels before the clean set was numbered anew."""
    old_label = _read_relabeling(table)
    unknown = sorted(set(labels.tolist()) - set(old_label) - {-1})
    if unknown:
        raise ValueError(
            f"{table} has no new_label {unknown[0]}, which the records hold, and lacks "
            f"{len(unknown)} in all; name the table written with them with --relabeling."
        )
    return np.array([old_label.get(label, -1) for label in labels.tolist()], np.int64)


def _read_relabeling(table: Path) -> dict[int, int]:
    if not table.is_file():
        raise FileNotFoundError(f"--relabeling={table}: no such file.")
    with table.open(encoding="utf-8", newline="") as file:
        try:
            return {int(row["new_label"]): int(row["old_label"]) for row in csv.DictReader(file)}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{table} has to hold whole numbers in the columns new_label and old_label."
            ) from error
