"""Results that a report is of: what their files say, and the index that they are scores of."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import manifest, model_folder
from pipeline.index import collection
from pipeline.scoring import found, lists

_KEYS = ("scores", "intervals", "protocol", "command")
_OF_COMPARISONS = ("rows", "missing", "command")
_MAKES_RESULTS = "python -m pipeline.evaluate --index=exported/MODEL/indexes/NAME"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Given:
    """One result.

    Attributes:
        path: Its file, ``exported/MODEL/metrics/NAME.json``.
        told: What that says.
        index: Folder of the index, where it is still there; else None.
        described: The manifest of that; empty where it is not there.
        lacking: Why there is no index, in words; "" where there is.
        queries: A row a query: its photograph, scores, ids ``found`` first, ``right``; None where
            that file is not there, or an earlier version wrote it, without the photograph.
    """

    path: Path
    told: dict[str, Any]
    index: Path | None
    described: dict[str, Any]
    lacking: str
    queries: pa.Table | None

    @property
    def model(self) -> Path:
        """The model's folder."""
        return self.path.parent.parent

    @property
    def name(self) -> str:
        """The model's and the result's."""
        return f"{self.model.resolve().name}/{self.path.stem}"

    @property
    def main_score(self) -> str:
        """The score that matters most."""
        return next(iter(self.told["scores"]))

    @property
    def milliseconds(self) -> float | None:
        """Of a query: of every step where there are some, else of a search of the index alone."""
        steps = self.told.get("steps", ())
        own = [one["milliseconds"] for one in steps if not one["step"].endswith(lists.SEEN)]
        return sum(own) if own else self.described.get("milliseconds_per_query")


def read_comparisons(paths: Sequence[Path]) -> dict[Path, dict[str, Any]]:
    """Of some files, those that ``pipeline.compare`` wrote."""
    compared = {}
    for path in paths:
        told = manifest.read_json(path, f"{_MAKES_RESULTS}` or `python -m pipeline.compare")
        if told.keys() >= set(_OF_COMPARISONS):
            compared[path] = told
    return compared


def read_results(paths: Sequence[Path]) -> list[Given]:
    """Reads results, each once.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is damaged or of an earlier version, naming the
            command that makes it again.
    """
    return [_read(path) for path in dict.fromkeys(paths)]


def _read(path: Path) -> Given:
    told = manifest.read_json(path, _MAKES_RESULTS, "scores", "command")
    lacking = [name for name in _KEYS if name not in told]
    if lacking or not told["scores"]:
        raise ValueError(
            f"{path} was made by an earlier version and lacks {', '.join(lacking) or 'scores'}; "
            f"make it again with `{told['command']}`."
        )
    folder, described, reason = _index_of(path, told)
    return Given(
        path=path,
        told=told,
        index=folder,
        described=described,
        lacking=reason,
        queries=_queries(found.path_of(path)),
    )


def _queries(path: Path) -> pa.Table | None:
    table = pq.read_table(path) if path.is_file() else None
    is_whole = table is not None and set(table.column_names) >= set(found.PHOTOGRAPH)
    return table if is_whole else None


def _index_of(path: Path, told: dict[str, Any]) -> tuple[Path | None, dict[str, Any], str]:
    """The index beside a result's model that its command names, if it is still the same."""
    flags = dict(word[2:].partition("=")[::2] for word in shlex.split(told["command"])[3:])
    if "index" not in flags:
        return None, {}, "This is no result of an index."
    folder = path.parent.parent / model_folder.INDEXES / Path(flags["index"]).name
    if not (folder / collection.MANIFEST).is_file():
        return None, {}, f"The index {folder} is not here."
    described = collection.read_manifest(folder)
    if described["model_fingerprint"] != told["index"]["model_fingerprint"]:
        return None, {}, f"The index {folder} has been built by another model since."
    return folder, described, ""
