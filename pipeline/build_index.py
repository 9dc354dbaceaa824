"""Builds a searchable index from embeddings.

    python -m pipeline.build_index --model=exported/MODEL --data=NAME --kind=flat

``--data`` names one or several data sets under ``exported/MODEL/embeddings``; the index goes to
``exported/MODEL/indexes/NAME-flat``. With ``--kind=auto`` the kinds are built, measured and
compared, and one is chosen:

    python -m pipeline.build_index --model=exported/MODEL --data=NAME --kind=auto \
      --recall=.95 --memory=2GB --latency=5ms

``--augment=N`` builds it of vectors that have each taken in their N nearest, as
``NAME-flat-augmentN``: searches find more, and take no longer.
"""

import dataclasses
import re
from pathlib import Path
from typing import Any

import psutil

from pipeline import build_report, command_line, manifest, model_folder, quantities
from pipeline.command_line import setting
from pipeline.embeddings.files import StoredEmbeddings, open_embeddings
from pipeline.index import (
    advice_plot,
    advisor,
    building,
    collection,
    faiss_collection,
    inverted_building,
    kinds,
    loss,
    measurement,
)
from pipeline.index.advisor import Wanted
from pipeline.index.building import Built, Room
from pipeline.index.collection import CHANGED
from pipeline.index.faiss_collection import FaissCollection
from pipeline.index.interface import Collection
from pipeline.index.metric import Metric
from pipeline.progress import logger
from pipeline.ranking.augmentation import Augmentation, augmentation
from pipeline.ranking.settings import AugmentationSettings
from pipeline.recognition import reliability_plot
from pipeline.recognition.learning import learn_from
from pipeline.recognition.votes import Recognition

AUTO = "auto"
_RELIABILITY = "reliability.png"

_URI = r"https?://[^@]+|.+\.db"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(AugmentationSettings):
    """Which embeddings go into which index."""

    model: Path = setting("Folder of an exported model, exported/MODEL.")
    data: tuple[str, ...] = setting(
        "Data sets that the model has described, comma-separated: names in "
        "exported/MODEL/embeddings, or the folders that --output of pipeline.embed named."
    )
    kind: str | None = setting(
        "; ".join(f"{kind}: {meaning}" for kind, meaning in kinds.MEANING.items())
        + "; or a factory string of Faiss, such as OPQ64,IVF1024,PQ64 (IVF* has as many cells as "
        "suit); or auto, which builds these and chooses one; or milvus: a graph of neighbours "
        "behind Milvus, for collections that one machine does not hold; or inverted: the "
        "photographs of every visual word, exact, for models of visual words and the only one for "
        "them. By default inverted for those, else flat.",
        default=None,
    )
    uri: str | None = setting(
        "Where Milvus is with --kind=milvus: http://HOST:19530, a server, which asks for the token "
        "that the environment variable MILVUS_TOKEN holds; or a path that ends in .db, Milvus "
        "Lite; by default that in the index's folder.",
        default=None,
    )
    metric: Metric = setting(
        "What vectors are compared by; those of our models are of unit length, for which both "
        "rank alike.",
        default="cosine",
    )
    recall: float = setting(
        "The recall@10 against exact search that the index is tuned for.", default=0.95
    )
    memory: str | None = setting("What --kind=auto may take of memory, such as 2GB.", default=None)
    latency: str | None = setting(
        "What a query may take with --kind=auto, such as 5ms.", default=None
    )
    build_memory: str | None = setting(
        "What building may take of memory, such as 2GB, by default half of what is free. Inverted "
        "files that take more are merged on disk and searched there.",
        default=None,
    )
    overwrite: bool = setting("Build again over a finished index.", default=False)

    def __post_init__(self) -> None:
        """Checks that there are data sets, the kind, ranges and amounts."""
        super().__post_init__()
        if not all(map(_short, self.data)) or not self.data:
            raise ValueError(
                "--data names data sets that the model has described. Received: "
                f"{','.join(self.data)!r}."
            )
        if self.kind != kinds.MILVUS:
            command_line.require_default(self, f"--kind={self.kind or 'flat'}", "uri")
        elif self.uri is not None and re.fullmatch(_URI, self.uri) is None:
            raise ValueError(
                "--uri is http://HOST:PORT or a path that ends in .db, without a password, which "
                f"the environment variable MILVUS_TOKEN holds. Received: {self.uri!r}."
            )
        if self.kind not in (None, AUTO, kinds.MILVUS, kinds.INVERTED) and not kinds.is_known(
            self.kind
        ):
            raise ValueError(
                f"--kind is {AUTO}, one of {', '.join(kinds.KINDS)}, {kinds.MILVUS}, "
                f"{kinds.INVERTED}, or a factory "
                f"string of Faiss, such as OPQ64,IVF1024,PQ64. Received: {self.kind!r}."
            )
        if self.kind != AUTO:
            beside = f"--kind={self.kind or 'flat'}"
            command_line.require_default(self, beside, "memory", "latency")
        if self.augment and self.metric != "cosine":
            raise ValueError("--augment is of vectors that are compared by --metric=cosine.")
        if not 0 < self.recall <= 1:
            raise ValueError(f"--recall is above 0 and at most 1. Received: {self.recall}.")
        self.wanted, self.room  # noqa: B018 - reads the amounts

    @property
    def wanted(self) -> Wanted:
        """What the index has to do."""
        memory, latency = self.memory, self.latency
        return Wanted(
            recall=self.recall,
            memory=None if memory is None else quantities.read_bytes("memory", memory),
            milliseconds=(
                None if latency is None else quantities.read_milliseconds("latency", latency)
            ),
        )

    @property
    def room(self) -> int:
        """Bytes of memory that building may take."""
        if self.build_memory is None:
            return psutil.virtual_memory().available // 2
        return quantities.read_bytes("build_memory", self.build_memory)


def build_index(settings: Settings) -> Path:
    """Builds, tunes, measures and writes an index, unless it is there already.

    Returns:
        The index's folder. Its manifest tells recall@10 against exact search, milliseconds a
        query, and bytes.

    Raises:
        FileNotFoundError: If a data set has no embeddings by this model.
        ValueError: If they were made by another model than the folder now holds, there are too
            few of them for the kind, or changes to the index would be lost.
        BlockingIOError: If another process writes into the index's folder.
        ConnectionError: If no Milvus answers at the uri.
    """
    folder = settings.model
    stored = open_embeddings([model_folder.embeddings(folder, name) for name in settings.data])
    kind = _suiting(settings, stored)
    settings = dataclasses.replace(settings, kind=kind)
    name = "+".join(map(_short, settings.data))
    spelled = re.sub(r"[^\w.-]+", "_", kind)
    suffix = f"-augment{settings.augment}" if settings.augment else ""
    output = folder / model_folder.INDEXES / f"{name}-{spelled}{suffix}"
    made_by = stored.model_fingerprint
    model_folder.require_made_by(folder, folder / model_folder.EMBEDDINGS, made_by)
    if _is_current(output, settings, stored):
        logger.info("%s is finished; --overwrite builds it again.", output)
        return output
    build = _build_in_milvus if kind == kinds.MILVUS else _build_in_files
    build(settings, stored, output)
    return output


def _suiting(settings: Settings, stored: StoredEmbeddings) -> str:
    """The kind that is asked for, or the default of what is to be indexed.

    Raises:
        ValueError: If it cannot hold that.
    """
    kind = settings.kind or (kinds.INVERTED if stored.is_sparse else "flat")
    if stored.is_sparse != (kind == kinds.INVERTED):
        described, suiting = (
            ("by bags of visual words", f"--kind={kinds.INVERTED}")
            if stored.is_sparse
            else ("by dense vectors", "another --kind, such as flat")
        )
        raise ValueError(
            f"{settings.model} describes photographs {described}, which --kind={kind} "
            f"cannot hold; use {suiting}."
        )
    if stored.is_sparse and settings.augment:
        raise ValueError(
            "--augment is of dense vectors; bags of visual words are left as they are."
        )
    if stored.is_sparse and settings.metric != "cosine":
        raise ValueError(f"--kind={kinds.INVERTED} compares by --metric=cosine only.")
    return kind


def _augmented(
    settings: Settings, stored: StoredEmbeddings, scratch: Path
) -> tuple[StoredEmbeddings, Augmentation | None]:
    """What is to be indexed, in the scratch folder where it is augmented, and how it was."""
    if not settings.augment:
        return stored, None
    own = scratch / "augmented"
    own.mkdir()
    room = Room(scratch=own, bytes=settings.room)
    taken_in = augmentation(stored, settings.augment, settings.alpha, room)
    return taken_in.write(own / "vectors"), taken_in


def _build_in_files(settings: Settings, stored: StoredEmbeddings, output: Path) -> None:
    kind = settings.kind or _suiting(settings, stored)
    with faiss_collection.creating(output) as new:
        stored, taken_in = _augmented(settings, stored, new.scratch)
        room = Room(scratch=new.scratch, bytes=settings.room)
        advice = None
        built: Built[Any]
        if kind == AUTO:
            advice = advisor.advise(stored, settings.wanted, settings.metric, room)
            built = advice.built
        elif kind == kinds.INVERTED:
            built = inverted_building.build(stored)
        else:
            built = building.build(
                stored, kind, settings.metric, least_recall=settings.recall, room=room
            )
        photographs = stored.metadata.take(built.order)
        engine = "exact" if kind == kinds.INVERTED else "Faiss"
        described = _described(settings, stored, built, engine, taken_in)
        if advice is not None:
            described["advice"] = advice.as_json()
        opened = FaissCollection(built.index, photographs, None, described)
        learned = _learned(settings, opened, stored, taken_in)
        described["recognition"] = learned and learned.as_json()
        new.commit(built.index, photographs, described)
    if advice is not None:
        manifest.write_atomically(
            output / build_report.PLOT, lambda path: advice_plot.save_plot(advice, path)
        )
    _draw_reliability(learned, output / _RELIABILITY)


def _build_in_milvus(settings: Settings, stored: StoredEmbeddings, output: Path) -> None:
    milvus = collection.milvus("building")
    with milvus.creating(output, stored, settings.uri, settings.metric) as new:
        stored, taken_in = _augmented(settings, stored, new.scratch)
        built = new.fill(stored, settings.recall)
        described = _described(settings, stored, built, built.index.engine, taken_in)
        opened = new.collection(described)
        learned = _learned(settings, opened, stored, taken_in)
        described["recognition"] = learned and learned.as_json()
        new.commit(described, settings.uri)
    _draw_reliability(learned, output / _RELIABILITY)


def _learned(
    settings: Settings,
    opened: Collection,
    stored: StoredEmbeddings,
    taken_in: Augmentation | None,
) -> Recognition | None:
    """How far similarities are to be trusted, the photographs asking as they were described."""
    contents = model_folder.learned_contents(settings.model)
    if taken_in is None:
        return learn_from(opened, stored, contents)
    return learn_from(opened, taken_in.stored, contents, taken_in.unseen)


def _draw_reliability(learned: Recognition | None, path: Path) -> None:
    """Draws how right probabilities are; removes the picture of an earlier index."""
    if learned is None:
        path.unlink(missing_ok=True)
    else:
        account = learned.account
        manifest.write_atomically(path, lambda part: reliability_plot.save_plot(account, part))


def _short(data: str) -> str:
    """The name of a data set, of which a folder is the last part."""
    return data.rstrip("/").rpartition("/")[2]


def _is_current(output: Path, settings: Settings, stored: StoredEmbeddings) -> bool:
    if settings.overwrite or not (output / collection.MANIFEST).is_file():
        return False
    described = collection.read_manifest(output)
    is_same = (
        described["model_fingerprint"] == stored.model_fingerprint
        and described["shards"] == stored.shards
        and described["settings"] == manifest.settings_as_json(settings)
    )
    if not is_same and CHANGED in described:
        raise ValueError(
            f"{output} has been changed by pipeline.update_index since it was built, and would be "
            "built of other photographs or with other settings now. Pass --overwrite to lose those "
            "changes, or go on with pipeline.update_index."
        )
    return is_same


def _described(
    settings: Settings,
    stored: StoredEmbeddings,
    built: Built[Any],
    engine: str,
    taken_in: Augmentation | None,
) -> dict[str, Any]:
    effort = {name: int(value) for name, value in built.index.effort.items()}
    return {
        "settings": manifest.settings_as_json(settings),
        "kind": built.index.kind,
        "factory": built.factory,
        "effort": effort,
        "engine": ", ".join(
            filter(None, [f"{engine} {built.factory}", measurement.spelled(effort)])
        ),
        "augmentation": taken_in and taken_in.as_json(),
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
        "loss": dataclasses.asdict(built.loss),
        "explanation": loss.explanation(
            built.loss, built.factory, effort, stored.dimension, settings.recall
        ),
    }


def main(settings: Settings) -> None:
    """Builds the index and prints how well it searches."""
    output = build_index(settings)
    print(build_report.report(output, collection.read_manifest(output), settings.recall))


if __name__ == "__main__":
    command_line.run(main, Settings)
