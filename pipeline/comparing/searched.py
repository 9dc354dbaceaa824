"""The records that a comparison searches: how many photographs, and whether that is enough."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.data.record_table import open_records
from pipeline.index import kinds


def require_pairs(records: Sequence[str]) -> None:
    """Checks, before anything is trained, that some photographs have something to find.

    Raises:
        FileNotFoundError: If records are missing.
        ValueError: If no landmark has two photographs.
    """
    for labels in _labels(records):
        if np.unique(labels[labels >= 0], return_counts=True)[1].max(initial=0) > 1:
            return
    raise ValueError(
        f"{', '.join(records)} cannot be scored: no landmark has two photographs. Build records "
        "from one sub-folder a landmark, with two photographs or more in each."
    )


def require_enough(records: Sequence[str], kind: str) -> None:
    """Checks that a kind of index can be built of so many photographs.

    Raises:
        ValueError: If it cannot.
    """
    photographs = counts(records)["photographs"]
    fewest = kinds.fewest_vectors(kind)
    if photographs < fewest:
        raise ValueError(
            f"an index of the kind {kind} is built of {fewest:,} photographs or more. Received: "
            f"{photographs:,}."
        )


def counts(records: Sequence[str]) -> dict[str, int]:
    """Photographs, landmarks, and photographs of no known one."""
    labels = _labels(records)
    return {
        "photographs": sum(map(len, labels)),
        "landmarks": sum(len(np.unique(one[one >= 0])) for one in labels),
        "distractors": sum(int((one < 0).sum()) for one in labels),
    }


def _labels(records: Sequence[str]) -> list[np.ndarray]:
    return [open_records(Path(folder)).labels for folder in records]
