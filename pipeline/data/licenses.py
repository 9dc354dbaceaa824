"""Which licences the photographs of some records state."""

import collections
from collections.abc import Mapping
from pathlib import Path

from pipeline.data.record_rows import read_rows
from pipeline.data.record_table import open_records


def count_licenses(folder: Path, split: str, files: Mapping[str, str]) -> dict[str, int] | None:
    """Counts the photographs of each licence among those that a model learned from.

    Sound photographs that a skip list leaves out are counted with the others.

    Args:
        folder: Records of photographs.
        split: Which of its photographs.
        files: Fingerprints of its record files by path, as they were when the model learned.

    Returns:
        Photographs by licence, most of them first, "" where none is stated; None where the records
        are no longer there or no longer what they were.
    """
    if not folder.is_dir():
        return None
    try:
        table = open_records(folder, split)
    except (FileNotFoundError, ValueError):
        return None
    paths = table.files.paths
    if dict(zip(map(str, paths), table.fingerprints, strict=True)) != files:
        return None
    counts: collections.Counter[str] = collections.Counter()
    for rows in read_rows(folder, paths):
        counts.update(rows.licenses)
    return dict(counts.most_common())
