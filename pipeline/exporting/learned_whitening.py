"""Whitening that a model learns from a data set, described as the model itself describes it."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models import whitening
from models.serving import ServingModel
from pipeline.data import batching, inputs
from pipeline.data.damage import DamageCount
from pipeline.data.record_table import RecordTable, open_records
from pipeline.progress import progress_bar

WhiteningKind = Literal["pca", "supervised"]
_BATCH = 16  # at several scales a photograph takes several times the memory


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnedWhitening:
    """What was learned, and what from.

    Attributes:
        whitening: Projection, float32 ``(channels, dimension)``, and mean, float32
            ``(channels,)``, see ``models.whitening``.
        contents: Content ids of the photographs learned from, bytes ``(photographs,)``.
        learned_from: What the model's file says of it.
    """

    whitening: tuple[np.ndarray, np.ndarray]
    contents: np.ndarray
    learned_from: dict[str, Any]

    def save_contents(self, path: Path) -> None:
        """Writes the content ids, beside the model that has learned from the photographs."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, self.contents)


def learn_whitening(
    model: ServingModel,
    kind: WhiteningKind,
    records: Path,
    split: str,
    *,
    dimension: int | None,
    strength: float,
    max_damaged: float,
) -> LearnedWhitening:
    """Describes the photographs of a data set and learns to whiten the descriptions.

    Args:
        model: Describes, without whitening.
        kind: "pca" learns from all photographs, "supervised" from those of landmarks.
        records: Folder of the data set.
        split: Which of its photographs.
        dimension: Components to keep; None for as many as the model describes with.
        strength: Of the whitening, 0 to 1.
        max_damaged: Share of the photographs that may be damaged.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If more are damaged, or there are too few photographs, or landmarks, before
            anything is described.
    """
    table = open_records(records, split)
    damage = DamageCount.of(table, max_damaged)
    numbers = np.arange(len(table))
    if kind == "supervised":
        numbers = numbers[table.labels >= 0]
        whitening.require_pairs(table.labels)
    dimension = model.dimension if dimension is None else dimension
    whitening.require_enough(len(numbers), model.dimension, dimension)
    numbers, vectors = _describe(model, table, numbers, damage)
    if kind == "pca":
        learned = whitening.pca_whitening(vectors, dimension, strength)
    else:
        labels = table.labels[numbers]
        learned = whitening.supervised_whitening(vectors, labels, dimension, strength)
    learned_from = {
        "kind": kind,
        "strength": strength,
        "dimension": dimension,
        "files": _fingerprints(table),
        "photographs": len(numbers),
        "damaged": len(damage),
    }
    return LearnedWhitening(
        whitening=learned, contents=table.contents[numbers], learned_from=learned_from
    )


def has_changed(learned_from: dict[str, Any], records: Path, split: str) -> bool:
    """Whether the photographs learned from are still there but no longer what they were."""
    if not records.is_dir():
        return False
    try:
        return _fingerprints(open_records(records, split)) != learned_from["files"]
    except (FileNotFoundError, ValueError):
        return True


def _describe(
    model: ServingModel, table: RecordTable, numbers: np.ndarray, damage: DamageCount
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the sound records and their descriptions, float32 ``(n, channels)``."""
    vectors = [np.zeros((0, model.dimension), np.float32)]
    sound = np.zeros(len(numbers), bool)
    with progress_bar("Whitening", unit="photographs", total=len(numbers)) as bar:
        for _, kept, images, _ in batching.photograph_batches(
            table.files, numbers, model.prepare, batch=_BATCH
        ):
            if len(kept):
                vectors.append(model.describe_prepared(images)["global_descriptor"].numpy())
            sound[kept] = True
            bar.update(len(kept))
    inputs.name_damaged(table.files, numbers[~sound], damage)
    return numbers[sound], np.concatenate(vectors)


def _fingerprints(table: RecordTable) -> dict[str, str]:
    return dict(zip(map(str, table.files.paths), table.fingerprints, strict=True))
