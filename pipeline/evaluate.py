"""Scores an index: every labelled photograph of the collection queries all the others.

    python -m pipeline.evaluate --index=exported/MODEL/indexes/NAME-flat

A photograph of the same landmark is relevant; unlabelled photographs (distractors) never query
and are never relevant. The ranking is the index's own, so an approximate index is scored with
what it misses. The result goes to ``exported/MODEL/metrics/NAME-flat.json``, or with ``--depth=N``
to ``NAME-flat-depthN.json``, and the model card tells it.
"""

import dataclasses
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pipeline import command_line, manifest, metrics, model_folder
from pipeline.command_line import setting
from pipeline.embeddings.files import Embeddings, read_embeddings
from pipeline.exporting import model_card
from pipeline.index.collection import load_collection
from pipeline.index.interface import Collection
from pipeline.progress import logger, progress

_QUERIES_AT_A_TIME = 256
_NO_LABEL = -1
_PROTOCOL = "leave one out: every photograph whose landmark another shows queries all others"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which index."""

    index: Path = setting("Folder of an index, exported/MODEL/indexes/NAME.")
    depth: int | None = setting(
        "Places of each ranking that count for mAP; by default all.", default=None
    )

    def __post_init__(self) -> None:
        """Checks ranges."""
        command_line.require_at_least(self, depth=1)


def evaluate(settings: Settings) -> Path:
    """Scores an index and writes the result.

    Returns:
        The result's file: mAP, mAP@10/50/100, recall@1/5/10, protocol and counts.

    Raises:
        FileNotFoundError: If the index or the embeddings it was built from are missing.
        ValueError: If no landmark has two photographs, the embeddings have changed, or another
            model made the index.
    """
    folder = settings.index
    collection = load_collection(folder)
    model = model_folder.of_index(folder)
    model_folder.require_made_by(model, folder, collection.manifest["model_fingerprint"])
    embedded = _embedded(collection, model)
    totals = metrics.relevant_elsewhere(embedded.labels)
    queries = np.flatnonzero(totals)
    if not len(queries):
        raise ValueError(
            f"{folder} cannot be scored: no landmark of it has two photographs. Build records "
            "from one sub-folder a landmark, with two photographs or more in each."
        )
    chunks = list(_relevance(collection, embedded, queries, settings))
    scores = metrics.summarise(np.concatenate(chunks), totals[queries])
    seen = _learned(model, embedded)[queries].sum()
    if seen:
        logger.warning(
            "%d of the %d queries are photographs that the model has learned from; their score "
            "says nothing about landmarks it has not seen.",
            seen,
            len(queries),
        )
    is_imported = model_folder.is_imported(model)
    if is_imported:
        logger.warning(
            "%s was trained elsewhere; whether it has learned from the queries is not known.", model
        )
    described = _describe(settings, collection, scores, queries, embedded.labels)
    depth = "" if settings.depth is None else f"-depth{settings.depth}"
    output = model / model_folder.METRICS / f"{folder.resolve().name}{depth}.json"
    manifest.write_json(
        output, {**described, "queries_trained_on": None if is_imported else int(seen)}
    )
    model_card.write_card(model)
    return output


def _embedded(collection: Collection, model: Path) -> Embeddings:
    """The vectors of a collection's photographs, as the model gave them.

    Raises:
        FileNotFoundError: If they are missing.
        ValueError: If they are not those that the collection was filled with.
    """
    described = collection.manifest
    embedded = read_embeddings([model_folder.embeddings(model, one) for one in described["data"]])
    contents = collection.photographs(collection.keys())["content"]
    is_held = pc.is_in(embedded.metadata["content"], value_set=contents).to_numpy()
    if embedded.model_fingerprint != described["model_fingerprint"] or is_held.sum() < len(
        collection
    ):
        raise ValueError(
            f"{len(collection) - is_held.sum()} photographs of the index are not in the embeddings "
            f"{', '.join(described['data'])}, which have changed since; run `python -m "
            "pipeline.build_index --overwrite`."
        )
    return dataclasses.replace(
        embedded, vectors=embedded.vectors[is_held], metadata=embedded.metadata.filter(is_held)
    )


def _learned(model: Path, embedded: Embeddings) -> np.ndarray:
    """Which photographs, by their content, are among those the model learned from, bool (n,)."""
    contents = np.array(embedded.metadata["content"].to_pylist(), bytes)
    return np.isin(contents, model_folder.learned_contents(model))


def _relevance(
    collection: Collection, embedded: Embeddings, queries: np.ndarray, settings: Settings
) -> Iterator[np.ndarray]:
    """Which places of each ranking are relevant, bool ``(queries, depth)``, some at a time."""
    depth = min(settings.depth or len(collection), len(collection) - 1)
    keys = collection.keys()
    contents = collection.photographs(keys)["content"]
    keys = keys[pc.index_in(embedded.metadata["content"], value_set=contents).to_numpy()]
    labels = np.full(keys.max() + 2, _NO_LABEL)  # by key; the last, for none found, has none
    labels[keys] = embedded.labels
    chunks = range(0, len(queries), _QUERIES_AT_A_TIME)
    for start in progress(chunks, "Scoring", unit="batches"):
        rows = queries[start : start + _QUERIES_AT_A_TIME]
        _, found = collection.search(embedded.vectors[rows], depth + 1)
        others = without_query(found, keys[rows])
        yield labels[others] == embedded.labels[rows, None]


def without_query(found: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Takes each query itself out of its ranking.

    Args:
        found: int ``(queries, depth + 1)``, rows found, best first.
        queries: int ``(queries,)``, the row of each query.

    Returns:
        int ``(queries, depth)``; where the query was not found, the last place is dropped.
    """
    is_query = found == queries[:, None]
    order = np.argsort(is_query, axis=1, kind="stable")  # the query last, the rest in order
    return np.take_along_axis(found, order, axis=1)[:, :-1]


def _describe(
    settings: Settings,
    collection: Collection,
    scores: dict[str, float],
    queries: np.ndarray,
    labels: np.ndarray,
) -> dict[str, Any]:
    return {
        "scores": scores,
        "protocol": _PROTOCOL,
        "depth": settings.depth or len(labels) - 1,
        "queries": len(queries),
        "photographs": len(labels),
        "landmarks": len(np.unique(labels[queries])),
        "distractors": int((labels < 0).sum()),
        "index": {key: collection.manifest[key] for key in ("kind", "engine", "model_fingerprint")},
        "command": shlex.join(_command(settings)),
    }


def _command(settings: Settings) -> list[str]:
    depth = [] if settings.depth is None else [f"--depth={settings.depth}"]
    return ["python", "-m", "pipeline.evaluate", f"--index={settings.index}", *depth]


def main(settings: Settings) -> None:
    """Scores the index and prints the scores."""
    output = evaluate(settings)
    result = manifest.read_json(output, "python -m pipeline.evaluate")
    print(
        f"{settings.index}: {result['queries']} queries of {result['landmarks']} landmarks among "
        f"{result['photographs']} photographs ({result['distractors']} distractors)"
    )
    for name, score in result["scores"].items():
        print(f"{name:>10}  {score:.3f}")
    print(f"Result: {output}")


if __name__ == "__main__":
    command_line.run(main, Settings)
