"""Scores an index: every labelled photograph of the collection queries all the others.

    python -m pipeline.evaluate --index=exported/MODEL/indexes/NAME-flat

A photograph of the same landmark is relevant; unlabelled photographs (distractors) never query
and are never relevant. The ranking is the index's own, so an approximate index is scored with
what it misses. The result goes to ``exported/MODEL/metrics/NAME-flat.json``, or with ``--depth=N``
to ``NAME-flat-depthN.json``, what each query scores and finds first to ``queries/`` beside it, and
the model card tells the scores.

    python -m pipeline.evaluate --index=exported/MODEL/indexes/NAME-flat --augment=10 --expand=10

also reorders what is found, step by step, and tells what each step gains and takes. The query is
no neighbour of anything then, as if the collection lacked it. ``--verify=exported/EXTRACTOR`` adds
geometric verification of the first results, the last step.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import command_line, manifest, model_folder
from pipeline.command_line import setting
from pipeline.exporting import model_card
from pipeline.progress import logger
from pipeline.ranking.reranking import Reranker
from pipeline.ranking.settings import RankingSettings, chosen
from pipeline.ranking.verifier import FIRST, VerifiedLists, Verifier
from pipeline.scoring import answered, asking, exactness, found, lists, overlap, result
from pipeline.scoring.asking import Asking
from pipeline.scoring.curve import PrecisionByRecall
from pipeline.scoring.judge import Judge, by_landmark, leave_one_out
from pipeline.scoring.lists import Lists, Verify
from pipeline.scoring.query_scores import QueryScores
from pipeline.scoring.scored_index import ScoredIndex

_WHOLE = 50_000  # photographs up to which whole rankings are scored
_CUT = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RankingSettings):
    """Which index, and what reorders what it finds."""

    index: Path = setting("Folder of an index, exported/MODEL/indexes/NAME.")
    depth: int | None = setting(
        f"Places of each ranking that count for mAP; by default all, or {_CUT:,} of more than "
        f"{_WHOLE:,} photographs.",
        default=None,
    )
    verify: Path | None = setting(
        f"Model folder whose local features verify the first {FIRST} results, after all else; "
        "`python -m pipeline.extract` finds them first.",
        default=None,
    )

    ground_truth: Path | None = setting(
        "File that names what answers which query, instead of the landmarks: gnd_roxford5k.pkl or "
        "gnd_rparis6k.pkl, Google Landmarks' retrieval_solution_v2.1.csv, or a CSV file with the "
        "header query,similar.",
        default=None,
    )
    queries: tuple[str, ...] = setting(
        "Data sets of the photographs that ask, where they are not in the index, comma-separated, "
        "as --data of pipeline.build_index; those of a landmark that the index has ask for it.",
        default=(),
    )

    def __post_init__(self) -> None:
        """Checks ranges, and that no flag is without effect."""
        super().__post_init__()
        command_line.require_at_least(self, depth=1)
        if self.queries and self.verify is not None:
            raise ValueError(
                "--verify compares photographs of the index with one another; leave --queries out."
            )


def evaluate(settings: Settings) -> Path:
    """Scores an index and writes the result.

    Returns:
        The result's file: scores and their intervals, protocol and counts.

    Raises:
        FileNotFoundError: If the index or the embeddings it was built from are missing.
        ValueError: If no landmark has two photographs, the embeddings have changed, or another
            model made the index.
    """
    index = ScoredIndex.open(settings.index)
    fused = [ScoredIndex.open(Path(folder)) for folder in settings.fuse]
    depth = _depth(settings, index)
    own, asked, judge = _questions(settings, index, depth)
    verify = _verify(settings, index, asked["content"].to_pylist())
    places = depth or own.deepest
    wanted = min(own.deepest, places if verify is None else max(places, FIRST))
    once: dict[str, float] = {}
    if settings.steps:
        others = [asking.of_contents(one, asked["content"], settings.queries) for one in fused]
        steps = _steps(settings, [index, *fused], [own, *others], wanted, verify)
        once = steps.prepared()
        rankings: Iterable[Lists] = steps.lists()
    else:
        rankings = lists.as_found(own, wanted, verify)
    scored, first, precisions = _score(rankings, judge, places)
    described = _describe(settings, [index, *fused], judge, places)
    last = _last(scored, settings)
    described["scores"], described["intervals"] = last.means(), last.intervals()
    described["precision_at_recall"] = precisions.means()
    if len(scored) > 1:
        described["steps"] = [
            result.describe_step(name, one, once.get(name, 0.0)) for name, one in scored.items()
        ]
    elif not exactness.is_exact(index):
        described["against_exact"] = exactness.compare(index, own, judge)
    described |= overlap.with_training(index, asked)
    output = index.model / model_folder.METRICS / f"{result.name_of(settings)}.json"
    found.write(found.path_of(output), asked, last, first.table(index))
    manifest.write_json(output, described)
    model_card.write_card(index.model)
    return output


def _questions(
    settings: Settings, index: ScoredIndex, depth: int | None
) -> tuple[Asking, pa.Table, Judge]:
    """Who asks, what is known of them, and what is right for them."""
    if settings.ground_truth is None:
        if settings.queries:
            return by_landmark(index, settings.queries, depth)
        rows, judge = leave_one_out(index, depth)
        return asking.from_index(index, rows), index.stored.metadata.take(rows), judge
    truths = answered.read_truth(settings.ground_truth)
    truth = next(iter(truths.values()))
    if any(query.box for query in truth.queries) and (settings.fuse or settings.verify):
        raise ValueError(
            f"{settings.ground_truth} has queries that are parts of photographs, which --fuse and "
            "--verify cannot do yet; leave them out."
        )
    answers = answered.judge_of(truths, index, depth)
    own, asked = asking.by_name(index, truth.queries, settings.queries, str(settings.ground_truth))
    return own, asked, answers


def _depth(settings: Settings, index: ScoredIndex) -> int | None:
    """To how many places rankings are cut; None for not."""
    photographs = len(index.collection)
    if settings.depth is None and photographs > _WHOLE:
        logger.info(
            "Of each ranking the first %d places count, as there are %d photographs; --depth=N "
            "for another number.",
            _CUT,
            photographs,
        )
        return _CUT
    return settings.depth if (settings.depth or photographs) < photographs - 1 else None


def _steps(
    settings: Settings,
    indexes: Sequence[ScoredIndex],
    askers: Sequence[Asking],
    depth: int,
    verify: Verify | None,
) -> lists.Steps:
    """Reorders what the first index finds; the others are fused with it.

    Raises:
        ValueError: If indexes that are fused do not hold the same photographs.
    """
    rerankers: list[Reranker] = []
    for one in indexes:
        first = rerankers[0] if rerankers else None
        rerankers.append(
            Reranker(one.collection, chosen(settings), folder=one.folder, fused_with=first)
        )
    return lists.Steps(askers, rerankers, chosen(settings), depth=depth, verify=verify)


def _verify(settings: Settings, index: ScoredIndex, contents: list[str]) -> Verify | None:
    """What verifies the results of queries of these contents."""
    if settings.verify is None:
        return None
    verifier = Verifier(settings.verify, index.collection)
    return VerifiedLists(verifier, index.collection, contents).reordered


def _score(
    rankings: Iterable[Lists], judge: Judge, depth: int
) -> tuple[dict[str, QueryScores], found.Found, PrecisionByRecall]:
    """Scores of every step, what is found first after the last, and how precise that is."""
    scored: dict[str, QueryScores] = {}
    first = found.Found(len(judge.groups))
    precisions = PrecisionByRecall(len(judge.groups))
    for one in rankings:
        keys = one.keys[:, :depth]
        scores = scored.setdefault(one.step, QueryScores(judge.names, judge.groups))
        scores.put(one.queries, judge.scores(one.queries, keys), one.seconds)
        if not one.step.endswith(lists.SEEN):  # the last that comes stays
            first.put(one.queries, keys, judge.is_right(one.queries, keys[:, : found.SHOWN]))
            precisions.put(one.queries, judge.precisions(one.queries, keys))
    return scored, first, precisions


def _last(scored: dict[str, QueryScores], settings: Settings) -> QueryScores:
    """Of what all that reorders gives."""
    steps = [lists.AS_IT_IS, *settings.steps, *([] if settings.verify is None else [lists.VERIFY])]
    return scored[steps[-1]]


def _describe(
    settings: Settings, indexes: Sequence[ScoredIndex], judge: Judge, depth: int
) -> dict[str, Any]:
    labels = indexes[0].labels
    described: dict[str, Any] = {
        "scores": {},
        "intervals": {},
        "precision_at_recall": {},
        "protocol": result.protocol_of(judge.protocol, indexes),
        "depth": depth,
        "queries": len(judge.groups),
        "photographs": len(labels),
        "landmarks": len(np.unique(judge.groups)),
        "distractors": int((labels < 0).sum()),
        "index": result.describe_index(indexes[0]),
        "command": result.command("evaluate", settings),
    }
    if settings.fuse:
        described["fused"] = [
            {"folder": str(one.folder), **result.describe_index(one)} for one in indexes[1:]
        ]
    return described


def main(settings: Settings) -> None:
    """Scores the index and prints the scores."""
    output = evaluate(settings)
    told = manifest.read_json(output, "python -m pipeline.evaluate")
    print(
        f"{settings.index}: {told['queries']} queries of {told['landmarks']} landmarks among "
        f"{told['photographs']} photographs ({told['distractors']} distractors)"
    )
    print(result.scores_of(told))
    if "steps" in told:
        print(result.table_of(told["steps"]))
    print(f"Result: {output}")


if __name__ == "__main__":
    command_line.run(main, Settings)
