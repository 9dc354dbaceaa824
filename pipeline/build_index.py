"""Builds a searchable index from embeddings.

    python -m pipeline.build_index --model=exported/MODEL --data=NAME --kind=flat

``--data`` names one or several data sets under ``exported/MODEL/embeddings``; the index goes to
``exported/MODEL/indexes/NAME-flat``.
"""

import dataclasses
import re
from pathlib import Path
from typing import Any

from pipeline import command_line, manifest, model_folder
from pipeline.command_line import setting
from pipeline.embeddings.files import StoredEmbeddings, open_embeddings
from pipeline.index import building, collection, faiss_collection, kinds
from pipeline.index.building import Built
from pipeline.index.metric import Metric
from pipeline.progress import logger


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which embeddings go into which index."""

    model: Path = setting("Folder of an exported model, exported/MODEL.")
    data: tuple[str, ...] = setting(
        "Data sets that the model has described, comma-separated: names in "
        "exported/MODEL/embeddings, or the folders that --output of pipeline.embed named."
    )
    kind: str = setting(
        "; ".join(f"{kind}: {meaning}" for kind, meaning in kinds.MEANING.items())
        + "; or a factory string of Faiss, such as OPQ64,IVF1024,PQ64.",
        default="flat",
    )
    metric: Metric = setting(
        "What vectors are compared by; those of our models are of unit length, for which both "
        "rank alike.",
        default="cosine",
    )
    recall: float = setting(
        "The recall@10 against exact search that the index is tuned for.", default=0.95
    )
    overwrite: bool = setting("Build again over a finished index.", default=False)

    def __post_init__(self) -> None:
        """Checks that there are data sets, the kind, and ranges."""
        if not all(map(_short, self.data)) or not self.data:
            raise ValueError(
                "--data names data sets that the model has described. Received: "
                f"{','.join(self.data)!r}."
            )
        if not kinds.is_known(self.kind):
            raise ValueError(
                f"--kind is one of {', '.join(kinds.KINDS)}, or a factory string of Faiss, such as "
                f"OPQ64,IVF1024,PQ64. Received: {self.kind!r}."
            )
        if not 0 < self.recall <= 1:
            raise ValueError(f"--recall is above 0 and at most 1. Received: {self.recall}.")


def build_index(settings: Settings) -> Path:
    """Builds, tunes, measures and writes an index, unless it is there already.

    Returns:
        The index's folder. Its manifest tells recall@10 against exact search, milliseconds a
        query, and bytes.

    Raises:
        FileNotFoundError: If a data set has no embeddings by this model.
        ValueError: If they were made by another model than the folder now holds, or there are
            too few of them for the kind.
        BlockingIOError: If another process writes into the index's folder.
    """
    folder = settings.model
    name = "+".join(map(_short, settings.data))
    kind = re.sub(r"[^\w.-]+", "_", settings.kind)
    output = folder / model_folder.INDEXES / f"{name}-{kind}"
    stored = open_embeddings([model_folder.embeddings(folder, name) for name in settings.data])
    made_by = stored.model_fingerprint
    model_folder.require_made_by(folder, folder / model_folder.EMBEDDINGS, made_by)
    if _is_current(output, settings, stored):
        logger.info("%s is finished; --overwrite builds it again.", output)
        return output
    built = building.build(
        stored, settings.kind, metric_name=settings.metric, least_recall=settings.recall
    )
    described = _described(settings, stored, built)
    faiss_collection.create(output, built.index, stored.metadata.take(built.order), described)
    return output


def _short(data: str) -> str:
    """The name of a data set, of which a folder is the last part."""
    return data.rstrip("/").rpartition("/")[2]


def _is_current(output: Path, settings: Settings, stored: StoredEmbeddings) -> bool:
    if settings.overwrite or not (output / collection.MANIFEST).is_file():
        return False
    described = collection.read_manifest(output)
    return (
        described["model_fingerprint"] == stored.model_fingerprint
        and described["shards"] == stored.shards
        and described["settings"] == manifest.settings_as_json(settings)
    )


def _described(settings: Settings, stored: StoredEmbeddings, built: Built) -> dict[str, Any]:
    effort = {name: int(value) for name, value in built.index.effort.items()}
    return {
        "settings": manifest.settings_as_json(settings),
        "kind": settings.kind,
        "factory": built.factory,
        "effort": effort,
        "engine": ", ".join([f"Faiss {built.factory}", *(f"{n} {v}" for n, v in effort.items())]),
        "metric": settings.metric,
        "dimension": stored.dimension,
        "model_fingerprint": stored.model_fingerprint,
        "data": list(settings.data),
        "shards": stored.shards,
        "photographs": len(stored),
        "duplicates_left_out": stored.duplicates,
        "build_seconds": round(built.seconds, 3),
        f"recall@{built.k}_against_exact": built.recall,
        "milliseconds_per_query": built.milliseconds_alone,
        "milliseconds_per_query_of_many": built.milliseconds,
        "bytes": built.index.bytes,
        "tried": [dataclasses.asdict(point) for point in built.tried],
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
