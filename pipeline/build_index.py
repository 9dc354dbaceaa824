"""Builds a searchable index from embeddings.

    python -m pipeline.build_index --model=exported/MODEL --data=NAME --kind=flat

``--data`` names one or several data sets under ``exported/MODEL/embeddings``; the index goes to
``exported/MODEL/indexes/NAME-flat``.
"""

import dataclasses
import time
from pathlib import Path

import numpy as np

from pipeline import command_line, manifest, model_folder
from pipeline.command_line import setting
from pipeline.embeddings.files import Embeddings, read_embeddings
from pipeline.index import collection, measurement
from pipeline.index.collection import Collection
from pipeline.index.faiss_index import FaissIndex, IndexKind
from pipeline.progress import logger

_MEASURED_QUERIES = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which embeddings go into which index."""

    model: Path = setting("Folder of an exported model, exported/MODEL.")
    data: tuple[str, ...] = setting(
        "Data sets that the model has described, comma-separated: names in "
        "exported/MODEL/embeddings, or the folders that --output of pipeline.embed named."
    )
    kind: IndexKind = setting(
        "flat (exact), ivf (inverted file), lsh (locality-sensitive hashing) or pq (product "
        "quantisation).",
        default="flat",
    )
    overwrite: bool = setting("Build again over a finished index.", default=False)

    def __post_init__(self) -> None:
        """Checks that there are data sets."""
        if not all(map(_short, self.data)) or not self.data:
            raise ValueError(
                "--data names data sets that the model has described. Received: "
                f"{','.join(self.data)!r}."
            )


def build_index(settings: Settings) -> Path:
    """Builds, measures and writes an index, unless it is there already.

    Returns:
        The index's folder. Its manifest tells recall@10 against exact search, the median
        milliseconds of a single query, and bytes.

    Raises:
        FileNotFoundError: If a data set has no embeddings by this model.
        ValueError: If they were made by another model than the folder now holds.
    """
    folder = settings.model
    name = "+".join(map(_short, settings.data))
    output = folder / model_folder.INDEXES / f"{name}-{settings.kind}"
    embedded = read_embeddings([model_folder.embeddings(folder, name) for name in settings.data])
    made_by = embedded.model_fingerprint
    model_folder.require_made_by(folder, folder / model_folder.EMBEDDINGS, made_by)
    if _is_current(output, settings, embedded):
        logger.info("%s is finished; --overwrite builds it again.", output)
        return output
    start = time.perf_counter()
    index = FaissIndex.build(settings.kind, embedded.vectors)
    seconds = time.perf_counter() - start
    described = {
        "settings": manifest.settings_as_json(settings),
        "kind": settings.kind,
        "engine": index.description,
        "metric": "Euclidean on unit vectors",
        "model_fingerprint": embedded.model_fingerprint,
        "shards": embedded.shards,
        "photographs": len(embedded.metadata),
        "duplicates_left_out": embedded.duplicates,
        "build_seconds": round(seconds, 3),
        **_measure(index, embedded.vectors),
    }
    Collection(index=index, photographs=embedded.metadata, manifest=described).save(output)
    return output


def _short(data: str) -> str:
    """The name of a data set, of which a folder is the last part."""
    return data.rstrip("/").rpartition("/")[2]


def _is_current(output: Path, settings: Settings, embedded: Embeddings) -> bool:
    if settings.overwrite or not (output / collection.MANIFEST).is_file():
        return False
    described = collection.read_manifest(output)
    return (
        described["model_fingerprint"] == embedded.model_fingerprint
        and described["shards"] == embedded.shards
    )


def _measure(index: FaissIndex, vectors: np.ndarray) -> dict[str, float | int]:
    """Recall and time on vectors of the collection itself, which find themselves first."""
    exact = FaissIndex.build("flat", vectors)
    k = min(10, len(vectors))
    chosen = np.random.default_rng(0).permutation(len(vectors))[:_MEASURED_QUERIES]
    return {
        f"recall@{k}_against_exact": measurement.recall_against_exact(
            index, exact, vectors[chosen], k
        ),
        "milliseconds_per_query": measurement.milliseconds_per_query(index, vectors[chosen], k),
        "bytes": index.bytes,
    }


def main(settings: Settings) -> None:
    """Builds the index and prints how well it searches."""
    output = build_index(settings)
    described = collection.read_manifest(output)
    recall = next(name for name in described if name.startswith("recall@"))
    print(
        f"{output}: {described['photographs']} photographs, {described['engine']}; "
        f"{recall.split('_')[0]} against exact {described[recall]:.3f}, "
        f"{described['milliseconds_per_query']:.2f} ms a query, "
        f"{described['bytes'] / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
