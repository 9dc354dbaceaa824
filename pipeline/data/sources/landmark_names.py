"""What Google Landmarks v2 tells of its landmarks: their names, and their hierarchy."""

import collections
import dataclasses
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from pipeline.data.sources.landmark_tables import batches, columns_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class LandmarkRow:
    """What the tables tell of one landmark; "" where they do not.

    Attributes:
        category: Address of its category at Wikimedia Commons.
        supercategory: Its kind there, as "church".
        hierarchical_label: Its kind in the data set's own hierarchy, as "church/cathedral".
        natural_or_human_made: "natural" or "human-made".
    """

    category: str = ""
    supercategory: str = ""
    hierarchical_label: str = ""
    natural_or_human_made: str = ""


def landmark_rows(*tables: Path | None) -> dict[int, LandmarkRow]:
    """Joins tables of landmarks by ``landmark_id``.

    Args:
        tables: Tables with any of the columns of ``LandmarkRow``; a later one goes before an
            earlier one where both tell of a landmark. None stands for one that is missing.

    Raises:
        ValueError: If a table has no column ``landmark_id``.
    """
    fields = [field.name for field in dataclasses.fields(LandmarkRow)]
    found: dict[int, LandmarkRow] = {}
    for table in tables:
        if table is None:
            continue
        told = [name for name in columns_of(table) if name in fields]
        columns = {"landmark_id": pa.int64()} | {name: pa.string() for name in told}
        for batch in batches(table, columns):
            for row in batch.to_pylist():
                label = row.pop("landmark_id")
                if label is not None:
                    known = {name: text for name, text in row.items() if text}
                    found[label] = dataclasses.replace(found.get(label, LandmarkRow()), **known)
    return found


def category_name(category: str) -> str:
    """A landmark's name: ``Happy Valley`` of ``http://.../wiki/Category:Happy_Valley``."""
    last = category.partition("Category:")[2] or category.rpartition("/")[2]
    return " ".join(urllib.parse.unquote(last).replace("_", " ").split())


def unique_names(names: Mapping[int, str]) -> dict[int, str]:
    """Names that tell landmarks apart: those that share one get their label added.

    Args:
        names: By label; "" where there is none, for which the label stands.
    """
    result = {label: name or str(label) for label, name in names.items()}
    while shared := {
        name for name, count in collections.Counter(result.values()).items() if count > 1
    }:
        result.update({at: f"{name} ({at})" for at, name in result.items() if name in shared})
    return result
