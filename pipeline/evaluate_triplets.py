"""Scores a model on Kaggle's triplets, which have neither ids nor landmarks.

    python -m pipeline.evaluate_triplets --model=exported/MODEL --triplets='DIR/train*.tfrec'

Tells how many triplets have the positive nearer than the negative, and where the positive ranks
among all other photographs; see ``pipeline.scoring.triplets``. Every photograph is described once,
into ``exported/MODEL/triplets/NAME``; an interrupted run goes on. The result goes to
``exported/MODEL/metrics/NAME-triplets.json``, and the model card tells it.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import command_line, descriptions, manifest, model_folder
from pipeline.command_line import setting
from pipeline.data.sources.kaggle_triplets import KaggleTripletsSource
from pipeline.embeddings import files
from pipeline.embeddings.description import VectorDescriber
from pipeline.embeddings.files import StoredEmbeddings
from pipeline.embeddings.job import Job, run_here, run_job
from pipeline.embeddings.triplet_photographs import TripletPhotographs, folder_of
from pipeline.exporting import model_card
from pipeline.progress import progress
from pipeline.scoring import overlap, result
from pipeline.scoring import triplets as scoring

_PAIRS = 10_000  # a share of .5 of so many is known to .01, 19 times of 20
_TRIPLETS_TOGETHER = 8192
_SEED = 0
_PROTOCOL = (
    "triplets: a positive ranks among all photographs but its anchor and those that pairs join "
    "with it; what is as near as the positive stands before it"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which model, which triplets, and how many of them."""

    model: Path = setting("Folder of an exported model, exported/MODEL.")
    triplets: str = setting("Glob of the triplets' files, 'DIR/train*.tfrec'.")
    name: str | None = setting(
        "Name of the result; by default that of the files' folder.", default=None
    )
    pairs: int = setting(
        "Anchors whose positives are ranked, drawn at random, the same every time; all where there "
        "are fewer. Accuracy is that of all triplets.",
        default=_PAIRS,
    )
    batch_size: int = setting("Photographs a batch; affects speed only.", default=32)
    overwrite: bool = setting(
        "Describe the photographs anew, though they are described.", default=False
    )

    def __post_init__(self) -> None:
        """Checks ranges, and that there is a name."""
        command_line.require_at_least(self, pairs=1, batch_size=1)
        if not self.triplets:
            raise ValueError("--triplets is empty; name files, as 'DIR/train*.tfrec'.")
        if self.name is not None and (self.name in ("", ".", "..") or "/" in self.name):
            raise ValueError(f"--name is a name without a folder. Received: {self.name!r}.")

    @property
    def own_name(self) -> str:
        """The name given, else that of the folder in which the files lie, or below which.

        Raises:
            ValueError: If it has none.
        """
        name = self.name or folder_of(self.triplets).resolve().name
        if not name:
            raise ValueError("Pass --name=NAME: the files' folder has no name of its own.")
        return name


def evaluate_triplets(settings: Settings) -> Path:
    """Describes the photographs that are not described yet, scores and writes the result.

    Returns:
        The result's file: scores, protocol and counts.

    Raises:
        FileNotFoundError: If the model or the triplets are missing.
        ValueError: If the files hold no triplets or none that says anything, the model has no
            global descriptor, or another one has begun to describe them.
        OSError: If a file cannot be read or written.
    """
    name = settings.own_name
    model = model_folder.read_model_file(settings.model)
    model_folder.require_global_descriptor(settings.model, model)
    source = KaggleTripletsSource(settings.triplets)
    _require_some(settings, source, source.triplets)
    described = _described(settings, name, model, source)
    rows = _rows(source, described)
    triplets = source.triplets[(rows[source.triplets] >= 0).all(axis=1)]
    _require_some(settings, source, triplets)
    is_right = _is_right(described, rows[triplets])
    pairs, count = _drawn(np.unique(triplets[:, :2], axis=0), settings.pairs)
    ranks = _ranks(described, rows[pairs])
    of_triplets, of_pairs = (source.labels[of[:, 0]] for of in (triplets, pairs))
    contents = np.array(described.metadata["content"].to_pylist(), bytes)
    told = {
        "scores": scoring.summarise(is_right, ranks),
        "intervals": scoring.intervals(is_right, of_triplets, ranks, of_pairs),
        "protocol": _PROTOCOL,
        "queries": len(pairs),
        "pairs": count,
        "photographs": len(described),
        "landmarks": len(np.unique(of_pairs)),
        "triplets": {
            **dataclasses.asdict(source.counts),
            "damaged": len(source.triplets) - len(triplets),
            "scored": len(triplets),
        },
        "model_fingerprint": described.model_fingerprint,
        "command": _command(settings),
        **overlap.by_content(settings.model, contents[rows[pairs[:, 0]]], contents),
    }
    drawn = "" if settings.pairs == _PAIRS else f"-pairs{settings.pairs}"
    output = settings.model / model_folder.METRICS / f"{name}-triplets{drawn}.json"
    manifest.write_json(output, told)
    model_card.write_card(settings.model)
    return output


def _require_some(settings: Settings, source: KaggleTripletsSource, triplets: np.ndarray) -> None:
    if not len(triplets):
        raise ValueError(
            f"--triplets={settings.triplets}: none of the {source.counts.read} triplets says "
            "anything: anchor and positive are one photograph, the negative is joined with the "
            "anchor, or a photograph is damaged."
        )


def _described(
    settings: Settings, name: str, model: dict[str, Any], source: KaggleTripletsSource
) -> StoredEmbeddings:
    """Descriptions of all photographs that can be described."""
    folder = str(settings.model / model_folder.TRIPLETS / name)
    job = Job(
        layout=files.layout_of(model),
        load=VectorDescriber.open,
        photographs=TripletPhotographs.all_of(settings.triplets, source),
        model=settings.model,
        fingerprint=model["fingerprint"],
        dimension=model["dimension"],
        output=folder,
        batch=settings.batch_size,
        told=files.told_of(model),
    )
    run_job(job, run_here, overwrite=settings.overwrite)
    return files.open_embeddings([folder])


def _rows(source: KaggleTripletsSource, described: StoredEmbeddings) -> np.ndarray:
    """The row of every photograph, int64 ``(photographs,)``, -1 of one that is damaged."""
    contents = [int(content, 16) for content in described.metadata["content"].to_pylist()]
    order = np.argsort(source.contents)
    rows = np.full(len(order), -1)
    found = np.searchsorted(source.contents, np.array(contents, np.uint64), sorter=order)
    rows[order[found]] = np.arange(len(contents))
    return rows


def _drawn(pairs: np.ndarray, most: int) -> tuple[np.ndarray, int]:
    """Some of the pairs, in order, and how many there are."""
    if len(pairs) <= most:
        return pairs, len(pairs)
    chosen = np.random.default_rng(_SEED).choice(len(pairs), most, replace=False)
    return pairs[np.sort(chosen)], len(pairs)


def _is_right(described: StoredEmbeddings, triplets: np.ndarray) -> np.ndarray:
    """Whether the positive is nearer, bool ``(triplets,)``, of rows ``(triplets, 3)``."""
    found = []
    for part in progress(_parts(triplets, _TRIPLETS_TOGETHER), "Comparing", unit="parts"):
        anchors, positives, negatives = _taken(described, part)
        found.append(
            scoring.is_nearer(
                scoring.pair_similarities(anchors, positives),
                scoring.pair_similarities(anchors, negatives),
            )
        )
    return np.concatenate(found)


def _ranks(described: StoredEmbeddings, pairs: np.ndarray) -> np.ndarray:
    """The rank of every positive, int64 ``(pairs,)``, of rows ``(pairs, 2)``."""
    labels = described.metadata["label"].to_numpy()
    found = []
    for part in progress(_parts(pairs, _PAIRS), "Ranking", unit="parts"):
        anchors, positives = _taken(described, part)
        ranks = scoring.PositiveRanks(anchors, positives, labels[part[:, 0]])
        start = 0
        for block in described.blocks():
            ranks.show(block, labels[start : start + len(block)])
            start += len(block)
        found.append(ranks.ranks())
    return np.concatenate(found)


def _parts(rows: np.ndarray, count: int) -> list[np.ndarray]:
    return [rows[start : start + count] for start in range(0, len(rows), count)]


def _taken(described: StoredEmbeddings, rows: np.ndarray) -> Iterator[Any]:
    """Descriptions of each column of rows, ``(n, columns)``, every one read once."""
    unique, places = np.unique(rows, return_inverse=True)
    taken = descriptions.concatenate([described.none(), *described.take(unique)])
    return (taken[column] for column in places.reshape(rows.shape).T)


def _command(settings: Settings) -> str:
    """What makes the result again, wherever the photographs are described by now."""
    plain = dataclasses.replace(settings, batch_size=Settings.batch_size, overwrite=False)
    return result.command("evaluate_triplets", plain)


def main(settings: Settings) -> None:
    """Scores the model and prints the scores."""
    output = evaluate_triplets(settings)
    told = manifest.read_json(output, "python -m pipeline.evaluate_triplets")
    counts = told["triplets"]
    print(
        f"{settings.model}: {counts['scored']} triplets of {told['photographs']} photographs; "
        f"left out: {counts['degenerate']} whose anchor is their positive, "
        f"{counts['contradictory']} whose negative is joined with the anchor, "
        f"{counts['repeated']} that are there twice, {counts['damaged']} with a damaged photograph"
    )
    print(f"positives ranked: {told['queries']} of {told['pairs']}")
    print(result.scores_of(told))
    print(f"Result: {output}")


if __name__ == "__main__":
    command_line.run(main, Settings)
