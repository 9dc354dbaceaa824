"""The Kaggle Google Landmarks 2020 triplets as photographs, pseudo-landmarks and an index.

Their records hold the bytes of an anchor, a positive and a negative, without ids or landmarks:
https://www.kaggle.com/datasets/mattbast/google-landmarks-2020-tfrecords. So a photograph is known
by its content; those that anchor-positive pairs join, directly or through others, show one
landmark, though several such groups may show the same one.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pipeline.data.pseudo_landmarks import join_pairs, unusable_triplets
from pipeline.data.shards import RecordFiles
from pipeline.data.sources.record_files import (
    files_fingerprint,
    open_records,
    read_through,
    record_features,
    require_features,
)
from pipeline.data.sources.source import Skipped, SourcePhotograph, content_id

ROLES = ("anchor_img", "positive_img", "negative_img")
_LAYOUT = "Kaggle's landmark triplets"
_KINDS = dict.fromkeys(ROLES, "bytes_list")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TripletCounts:
    """What became of the triplets that were read.

    Attributes:
        read: All of them.
        degenerate: Left out, their anchor and positive being the same photograph.
        contradictory: Left out, their negative belonging to the anchor's own pseudo-landmark.
        repeated: Left out, being there before.
    """

    read: int
    degenerate: int
    contradictory: int
    repeated: int


class KaggleTripletsSource:
    """The photographs of triplet files, each listed once, where it first stands.

    Opening reads every file through. A photograph that no pair joins with another, such as one that
    is only ever a negative, has no landmark: it can serve as a distractor.

    Args:
        pattern: Glob of the files, ``DIR/**/train*.tfrec``. The data set's parts, whose files
            have the same names, stay apart in folders of their own.

    Attributes:
        files: The triplets' records.
        labels: The pseudo-landmark of every photograph, in the order of their first appearance.
        names: "pseudo-landmark 0" and so on.
        left_out: Damaged stretches of the files.
        contents: The content id of every photograph as a number, uint64 ``(photographs,)``.
        triplets: Photographs as anchor, positive and negative, positions in ``labels``, int64
            ``(triplets, 3)``.
        counts: How many were read, and left out.

    Raises:
        FileNotFoundError: If the pattern matches no file.
        ValueError: If a file holds no whole record, or one of another layout.
    """

    def __init__(self, pattern: str) -> None:
        self.files = open_records(pattern, "triplets")
        contents, self._records, self.left_out = _read_contents(self.files)
        self._first, photographs = _in_order_of_appearance(contents)
        self.contents = contents.reshape(-1)[self._first]
        self.labels = join_pairs(photographs, len(self._first))
        self.triplets, self.counts = _sound_triplets(photographs, self.labels)

    @functools.cached_property
    def names(self) -> Mapping[int, str]:
        """Names of the pseudo-landmarks."""
        return {label: f"pseudo-landmark {label}" for label in range(self.labels.max() + 1)}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every file's path, size and time of change."""
        return files_fingerprint(self.files.paths)

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """The record of every photograph and its place among ``ROLES`` there, int64 each."""
        rows, roles = np.divmod(self._first, len(ROLES))
        return self._records[rows], roles

    def read(self, numbers: np.ndarray) -> Iterator[SourcePhotograph | Skipped]:
        """Reads these photographs; ascending numbers read the files from their beginning."""
        current, features = -1, record_features(b"")
        for number in map(int, numbers):
            row, role = divmod(int(self._first[number]), len(ROLES))
            record = int(self._records[row])
            name = f"{self.files.where(record)}, {ROLES[role]}"
            if record != current:
                try:
                    features = record_features(self.files.read(record))
                except ValueError as error:
                    yield Skipped(name=name, reason=str(error))
                    continue
                current = record
            label = int(self.labels[number])
            yield SourcePhotograph(
                name=name,
                encoded=features[ROLES[role]].bytes_list.value[0],
                landmark=self.names.get(label, ""),
                label=label,
                title=self._title(record, role),
            )

    def _title(self, record: int, role: int) -> str:
        path = self.files.paths[self.files.file[record]]
        place = f"{path.parent.name}/{path.name}, byte {self.files.offset[record]}"
        return f"{place}, {ROLES[role]}"


def _read_contents(files: RecordFiles) -> tuple[np.ndarray, np.ndarray, Sequence[Skipped]]:
    """Content ids uint64 ``(triplets, 3)``, their records' numbers ``(triplets,)``, the damage."""
    contents = np.empty((len(files), len(ROLES)), np.uint64)
    is_sound = np.zeros(len(files), bool)
    left_out = []
    for number, features in read_through(files, "Reading triplets"):
        if isinstance(features, Skipped):
            left_out.append(features)
            continue
        require_features(features, _KINDS, files.where(number), _LAYOUT)
        for role, key in enumerate(ROLES):
            contents[number, role] = int(content_id(features[key].bytes_list.value[0]), 16)
        is_sound[number] = True
    return contents[is_sound], np.flatnonzero(is_sound), left_out


def _in_order_of_appearance(contents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers distinct values by where they first stand.

    Args:
        contents: ``(triplets, 3)``.

    Returns:
        For every distinct value, ascending, where it first stands in the flattened array, and
        ``contents`` with every value replaced by its number, both int64.
    """
    _, first, inverse = np.unique(contents, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return first[order], number[inverse].reshape(contents.shape)


def _sound_triplets(
    photographs: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, TripletCounts]:
    """The triplets to learn from, in order, and how many are not."""
    degenerate, contradictory = unusable_triplets(photographs, labels)
    sound = photographs[~degenerate & ~contradictory]
    _, first = np.unique(sound, axis=0, return_index=True)
    return sound[np.sort(first)], TripletCounts(
        read=len(photographs),
        degenerate=int(degenerate.sum()),
        contradictory=int(contradictory.sum()),
        repeated=len(sound) - len(first),
    )
