"""Scores an index: every labelled photograph of the collection queries all the others.

    python -m pipeline.evaluate --index=exported/MODEL/indexes/NAME-flat

A photograph of the same landmark is relevant; unlabelled photographs (distractors) never query
and are never relevant. The ranking is the index's own, so an approximate index is scored with
what it misses. The result goes to ``exported/MODEL/metrics/NAME-flat.json``, or with ``--depth=N``
to ``NAME-flat-depthN.json``, and the model card tells it.

    python -m pipeline.evaluate --index=exported/MODEL/indexes/NAME-flat --augment=10 --expand=10

also reorders what is found, step by step, and tells what each step gains and takes. The query is
no neighbour of anything then, as if the collection lacked it. ``--verify=exported/EXTRACTOR`` adds
geometric verification of the first results, the last step.
"""

import dataclasses
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import command_line, manifest, metrics, model_folder
from pipeline.command_line import setting
from pipeline.exporting import model_card
from pipeline.progress import logger, progress
from pipeline.ranking import step_scores
from pipeline.ranking.reranking import Reranker
from pipeline.ranking.settings import RankingSettings, chosen
from pipeline.ranking.step_scores import AS_IT_IS, VERIFY, Asking, StepScore, Tally
from pipeline.ranking.verifier import FIRST, VerifiedLists, Verifier
from pipeline.scored_index import ScoredIndex

_QUERIES_AT_A_TIME = 256
_NO_LABEL = -1
_PROTOCOL = "leave one out: every photograph whose landmark another shows queries all others"
_HAS_SEEN = "; augmented vectors of an index have taken in the queries themselves"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RankingSettings):
    """Which index, and what reorders what it finds."""

    index: Path = setting("Folder of an index, exported/MODEL/indexes/NAME.")
    depth: int | None = setting(
        "Places of each ranking that count for mAP; by default all.", default=None
    )
    verify: Path | None = setting(
        f"Model folder whose local features verify the first {FIRST} results, after all else; "
        "`python -m pipeline.extract` finds them first.",
        default=None,
    )

    def __post_init__(self) -> None:
        """Checks ranges, and that no flag is without effect."""
        super().__post_init__()
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
    index = ScoredIndex.open(settings.index)
    fused = [ScoredIndex.open(Path(folder)) for folder in settings.fuse]
    labels = index.embedded.labels
    totals = metrics.relevant_elsewhere(labels)
    queries = np.flatnonzero(totals)
    if not len(queries):
        raise ValueError(
            f"{index.folder} cannot be scored: no landmark of it has two photographs. Build "
            "records from one sub-folder a landmark, with two photographs or more in each."
        )
    steps: list[StepScore] = []
    if settings.steps:
        steps = _steps([index, *fused], queries, totals[queries], settings)
        scores = _last(steps, settings).scores
    elif settings.verify is not None:
        steps = _verified_alone(index, queries, totals[queries], settings)
        scores = steps[-1].scores
    else:
        chunks = list(_relevance(index, queries, settings))
        scores = metrics.summarise(np.concatenate(chunks), totals[queries])
    trained_on = _trained_on(index, queries)
    described = _describe(settings, [index, *fused], scores, queries)
    if steps:
        described["steps"] = [step.as_json() for step in steps]
    output = index.model / model_folder.METRICS / f"{_name(settings)}.json"
    manifest.write_json(output, {**described, "queries_trained_on": trained_on})
    model_card.write_card(index.model)
    return output


def _trained_on(index: ScoredIndex, queries: np.ndarray) -> int | None:
    """How many queries the model has learned from; None where that is not known. Warns of it."""
    if model_folder.is_imported(index.model):
        logger.warning(
            "%s was trained elsewhere; whether it has learned from the queries is not known.",
            index.model,
        )
        return None
    contents = np.array(index.embedded.metadata["content"].to_pylist(), bytes)[queries]
    seen = int(np.isin(contents, model_folder.learned_contents(index.model)).sum())
    if seen:
        logger.warning(
            "%d of the %d queries are photographs that the model has learned from; their score "
            "says nothing about landmarks it has not seen.",
            seen,
            len(queries),
        )
    return seen


def _steps(
    indexes: Sequence[ScoredIndex], queries: np.ndarray, totals: np.ndarray, settings: Settings
) -> list[StepScore]:
    """What every step gives; the first index is scored, the others are fused with it.

    Raises:
        ValueError: If indexes that are fused do not hold the same photographs.
    """
    index = indexes[0]
    asking: list[Asking] = []
    for one in indexes:
        rows = one.rows_of(index, queries)
        asking.append(
            Asking(
                reranker=Reranker(
                    one.collection,
                    chosen(settings),
                    folder=one.folder,
                    fused_with=asking[0].reranker if asking else None,
                ),
                vectors=one.embedded.vectors[rows],
                keys=one.keys[rows],
            )
        )
    ids = asking[0].reranker.ids(index.keys)
    labels = dict(zip(ids, index.embedded.labels.tolist(), strict=True))
    verified = _verified(index, queries, ids, settings)
    depth = _depth(settings, index)
    return step_scores.measure(asking, chosen(settings), labels, totals, depth, verified)


def _last(steps: list[StepScore], settings: Settings) -> StepScore:
    name = settings.steps[-1] if settings.verify is None else VERIFY
    return next(step for step in steps if step.step == name)


def _verified(
    index: ScoredIndex, queries: np.ndarray, ids: list[str], settings: Settings
) -> VerifiedLists | None:
    """What verifies the results of queries; ids are those of the embeddings, in their order."""
    if settings.verify is None:
        return None
    contents = index.embedded.metadata["content"].to_pylist()
    return VerifiedLists(
        Verifier(settings.verify, index.collection),
        dict(zip(ids, contents, strict=True)),
        [contents[query] for query in queries],
    )


def _verified_alone(
    index: ScoredIndex, queries: np.ndarray, totals: np.ndarray, settings: Settings
) -> list[StepScore]:
    """What the index gives as it is, and with its first results verified, whatever its kind."""
    of_key = dict(zip(index.collection.keys().tolist(), index.collection.ids(), strict=True))
    ids = [of_key[key] for key in index.keys.tolist()]
    verified = _verified(index, queries, ids, settings)
    labels = dict(zip(ids, index.embedded.labels.tolist(), strict=True))
    tally = Tally([AS_IT_IS, VERIFY], len(queries), _depth(settings, index))
    rankings = (
        (keys, seconds) for _, found, seconds in _found(index, queries, settings) for keys in found
    )
    for query, (keys, seconds) in enumerate(rankings):
        listed = [of_key[key] for key in keys[keys >= 0].tolist()]
        own = labels[ids[queries[query]]]
        tally.put(AS_IT_IS, query, np.array([labels[one] == own for one in listed], bool), seconds)
        if verified is not None:
            step_scores.put_verified(tally, verified, query, listed, labels, own)
    return tally.scores(totals, {})


def _depth(settings: Settings, index: ScoredIndex) -> int:
    return min(settings.depth or len(index.collection), len(index.collection) - 1)


def _relevance(index: ScoredIndex, queries: np.ndarray, settings: Settings) -> Iterator[np.ndarray]:
    """Which places of each ranking are relevant, bool ``(queries, depth)``, some at a time."""
    labels = np.full(index.keys.max() + 2, _NO_LABEL)  # by key; the last, for none found, has none
    labels[index.keys] = index.embedded.labels
    for rows, found, _ in _found(index, queries, settings):
        yield labels[found] == index.embedded.labels[rows, None]


def _found(
    index: ScoredIndex, queries: np.ndarray, settings: Settings
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Some queries at a time, keys of what each finds ``(queries, depth)``, and seconds of one.

    As many as are verified at least, where anything is.
    """
    depth = _depth(settings, index)
    if settings.verify is not None:
        depth = min(max(depth, FIRST), len(index.collection) - 1)
    chunks = range(0, len(queries), _QUERIES_AT_A_TIME)
    for start in progress(chunks, "Scoring", unit="batches"):
        rows = queries[start : start + _QUERIES_AT_A_TIME]
        began = time.perf_counter()
        _, found = index.collection.search(index.embedded.vectors[rows], depth + 1)
        seconds = (time.perf_counter() - began) / len(rows)
        yield rows, without_query(found, index.keys[rows]), seconds


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
    indexes: Sequence[ScoredIndex],
    scores: dict[str, float],
    queries: np.ndarray,
) -> dict[str, Any]:
    labels = indexes[0].embedded.labels
    built, *fused = map(_built, indexes)
    has_seen = any("augmentation" in one for one in (built, *fused))
    described = {
        "scores": scores,
        "protocol": _PROTOCOL + _HAS_SEEN if has_seen else _PROTOCOL,
        "depth": settings.depth or len(labels) - 1,
        "queries": len(queries),
        "photographs": len(labels),
        "landmarks": len(np.unique(labels[queries])),
        "distractors": int((labels < 0).sum()),
        "index": built,
        "command": shlex.join(_command(settings)),
    }
    if fused:
        described["fused"] = [
            {"folder": str(index.folder), **one}
            for index, one in zip(indexes[1:], fused, strict=True)
        ]
    return described


def _built(index: ScoredIndex) -> dict[str, Any]:
    """How an index was built, and of which model."""
    described = index.collection.manifest
    built = {key: described[key] for key in ("kind", "engine", "model_fingerprint")}
    augmentation = described.get("augmentation")
    return built if augmentation is None else {**built, "augmentation": augmentation}


def _changed(settings: Settings) -> dict[str, Any]:
    """Settings that are not the defaults, but for the index, by their flags."""
    defaults = {field.name: field.default for field in dataclasses.fields(Settings)}
    del defaults["index"]
    return {
        name: getattr(settings, name)
        for name, default in defaults.items()
        if getattr(settings, name) != default
    }


def _command(settings: Settings) -> list[str]:
    flags = {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in _changed(settings).items()
    }
    return [
        *("python", "-m", "pipeline.evaluate", f"--index={settings.index}"),
        *(f"--{name}={value}" for name, value in flags.items()),
    ]


def _name(settings: Settings) -> str:
    """Of the result: the index's, and every setting that is not the default."""
    parts = [settings.index.resolve().name]
    for name, value in _changed(settings).items():
        if name == "fuse":
            folders = [Path(folder).resolve() for folder in value]
            names = (f"{model_folder.of_index(one).name}.{one.name}" for one in folders)
            parts.append("-".join((name, *names)))
        elif name == "verify":
            parts.append(f"{name}-{value.resolve().name}")
        else:
            parts.append(f"{name}{value}")
    return "-".join(parts)


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
    if "steps" in result:
        print(step_scores.table_of(result["steps"]))
    print(f"Result: {output}")


if __name__ == "__main__":
    command_line.run(main, Settings)
