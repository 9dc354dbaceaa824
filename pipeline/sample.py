"""Writes a stratified part of some records: every landmark keeps its share in every split.

    python -m pipeline.sample --records=tfrecords/NAME --output=tfrecords/PART --fraction=.1

``--photographs=1000`` takes so many instead, ``--landmarks=100`` so many landmarks with all
their photographs. The records stay as they are, byte for byte, in the same order. Those that
are damaged, or that the skip list of ``check_records`` names, are left out beforehand.
"""

import dataclasses
from pathlib import Path

import numpy as np

from pipeline import command_line
from pipeline.command_line import setting
from pipeline.data import record_copies, record_manifest, stratification
from pipeline.data.copying import CopySettings, copy_chosen
from pipeline.data.record_table import RecordTable

_PARTS = ("fraction", "photographs", "landmarks")
_LEAST = 2  # photographs of a landmark: a pair to learn from, a query and its answer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(CopySettings):
    """Which part of which records to write where; one of the three parts."""

    fraction: float | None = setting(
        "Share of each landmark's photographs in each split, above 0 to 1; but at least 2, or 1 "
        "where there is no more.",
        default=None,
    )
    photographs: int | None = setting(
        "How many photographs in all; of each landmark at least 2 in each split it is in, or 1 "
        "if those would be too many.",
        default=None,
    )
    landmarks: int | None = setting(
        "How many landmarks in all, of every split its share, with all their photographs; none "
        "without a landmark.",
        default=None,
    )
    seed: int = setting("Chooses.", default=0)

    def __post_init__(self) -> None:
        """Checks ranges, that one part is named, and that the two folders lie apart."""
        super().__post_init__()
        command_line.require_at_least(self, photographs=1, landmarks=1, seed=0)
        named = [f"--{name}" for name in _PARTS if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(
                "A part is one of --fraction, --photographs and --landmarks. Received: "
                f"{' and '.join(named) or 'none'}."
            )
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise ValueError(f"--fraction is above 0 to 1. Received: {self.fraction}.")


def sample(settings: Settings) -> Path:
    """Writes the part, as ``copy_chosen`` does.

    Raises:
        ValueError: Also if there are fewer than asked for, or so few are asked for that a
            landmark would have none.
    """
    return copy_chosen(settings, lambda table: _choose(table, settings))


def _choose(table: RecordTable, settings: Settings) -> np.ndarray:
    """The numbers of the records of the part, ascending."""
    splits = record_copies.split_of_records(table)
    generator = np.random.default_rng(settings.seed)
    if settings.landmarks is not None:
        return _of_some_landmarks(splits, table.labels, settings.landmarks, generator)
    groups = _groups(np.unique(splits, return_inverse=True)[1], table.labels)
    if settings.photographs is None:
        fraction = settings.fraction or 1.0  # one of the two is named
        return stratification.choose_fraction(groups, fraction, _LEAST, generator)
    try:
        return stratification.choose_number(groups, settings.photographs, _LEAST, generator)
    except ValueError as error:
        raise ValueError(
            f"--photographs={settings.photographs} cannot be, counting a landmark once in every "
            f"split: {error} Name another number, or fewer landmarks with --landmarks."
        ) from error


def _groups(*keys: np.ndarray) -> np.ndarray:
    """Numbers the combinations of several keys from 0: int64 ``(things,)``."""
    return np.unique(np.stack(keys), axis=1, return_inverse=True)[1].reshape(-1)


def _of_some_landmarks(
    splits: np.ndarray, labels: np.ndarray, number: int, generator: np.random.Generator
) -> np.ndarray:
    """All records of some landmarks; those that are in the same splits keep their share."""
    landmarks = np.unique(labels[labels >= 0])
    present = [np.isin(landmarks, labels[splits == split]) for split in np.unique(splits)]
    try:
        chosen = stratification.choose_number(_groups(*present), number, 1, generator)
    except ValueError as error:
        raise ValueError(
            f"--landmarks={number} cannot be, counting landmarks of the same splits as a group: "
            f"{error}"
        ) from error
    return np.flatnonzero(np.isin(labels, landmarks[chosen]))


def main(settings: Settings) -> None:
    """Writes the part and prints what it holds."""
    print(record_manifest.describe_records(sample(settings)))


if __name__ == "__main__":
    command_line.run(main, Settings)
