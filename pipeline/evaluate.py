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

    python -m pipeline.evaluate --index=exported/MODEL/indexes/NAME-flat --queries=DATA
    python -m pipeline.evaluate --index=exported/MODEL/indexes/NAME-flat --ground_truth=FILE

let photographs of other data sets ask, for landmarks of the same names; and take what answers whom
from a file instead of landmarks: Revisited Oxford's or Paris', Google Landmarks', or pairs of
similar photographs. With both, the photographs that the file names as queries are of DATA.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import command_line, manifest, model_folder
from pipeline.command_line import setting
from pipeline.exporting import model_card
from pipeline.ranking.reranking import Reranker
from pipeline.ranking.settings import RankingSettings, chosen
from pipeline.ranking.verifier import FIRST, VerifiedLists, Verifier
from pipeline.scoring import asking, exactness, found, lists, overlap, questions, result
from pipeline.scoring.asking import Asking
from pipeline.scoring.curve import PrecisionByRecall
from pipeline.scoring.landmark_submissions import MOST, write_retrieval_submission
from pipeline.scoring.lists import Lists, Verify
from pipeline.scoring.query_scores import QueryScores
from pipeline.scoring.questions import CUT, WHOLE, Questions
from pipeline.scoring.scored_index import ScoredIndex


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RankingSettings):
    """Which index, and what reorders what it finds."""

    index: Path = setting("Folder of an index, exported/MODEL/indexes/NAME.")
    depth: int | None = setting(
        f"Places of each ranking that count for mAP; by default all, or {CUT:,} of more than "
        f"{WHOLE:,} photographs.",
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
    submission: Path | None = setting(
        f"CSV file to write the first {MOST} results of every query to, as Google Landmarks' "
        "challenge took them.",
        default=None,
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
        FileNotFoundError: If the index, the embeddings it was built from or those of --queries, the
            ground truth, local features of --verify or a photograph that is needed are missing.
        ValueError: If nobody has anything to find, the embeddings have changed, another model made
            the index, a file of ground truth is damaged or of other photographs, its protocol
            cannot be cut to --depth, or indexes that are fused hold other photographs.
    """
    index = ScoredIndex.open(settings.index)
    indexes = [index, *(ScoredIndex.open(Path(folder)) for folder in settings.fuse)]
    asked = _questions(settings, index)
    rankings, once = _rankings(settings, indexes, asked)
    shown = found.SHOWN if settings.submission is None else MOST
    scored, first, precisions = _score(rankings, asked, shown)
    described = _describe(settings, indexes, asked)
    last = _last(scored, settings)
    described["scores"], described["intervals"] = last.means(), last.intervals()
    described["precision_at_recall"] = precisions.means()
    if len(scored) > 1:
        described["steps"] = [
            result.describe_step(name, scored[name], once.get(name, 0.0))
            for name in sorted(scored, key=lambda name: name.endswith(lists.SEEN))  # this one last
        ]
    elif not exactness.is_exact(index):
        beside = exactness.compare(index, asked.asking, asked.judge)
        described |= {} if beside is None else {"against_exact": beside}
    described |= overlap.with_training(index, asked.metadata, asked.landmarks)
    output = index.model / model_folder.METRICS / f"{result.name_of(settings)}.json"
    found.write(found.path_of(output), asked.metadata, last, first.table(index))
    if settings.submission is not None:
        answers = zip(asked.metadata["id"].to_pylist(), first.ids(index, MOST), strict=True)
        write_retrieval_submission(settings.submission, answers)
    manifest.write_json(output, described)
    model_card.write_card(index.model)
    return output


def _questions(settings: Settings, index: ScoredIndex) -> Questions:
    if settings.ground_truth is None:
        return questions.of_landmarks(index, settings.queries, settings.depth)
    return questions.of_truth(
        index,
        settings.ground_truth,
        settings.queries,
        settings.depth,
        may_ask_with_parts=not settings.fuse and settings.verify is None,
    )


def _rankings(
    settings: Settings, indexes: Sequence[ScoredIndex], asked: Questions
) -> tuple[Iterable[Lists], dict[str, float]]:
    """What queries find, step by step, and the seconds that each step takes once."""
    own = asked.asking
    verify = _verify(settings, indexes[0], asked.metadata["content"].to_pylist())
    depth = min(own.deepest, asked.depth if verify is None else max(asked.depth, FIRST))
    if not settings.steps:
        return lists.as_found(own, depth, verify), {}
    others = [
        asking.of_contents(one, asked.metadata["content"], settings.queries) for one in indexes[1:]
    ]
    steps = _steps(settings, indexes, [own, *others], depth, verify)
    once = steps.prepared()
    return steps.lists(), once


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
    rankings: Iterable[Lists], asked: Questions, shown: int
) -> tuple[dict[str, QueryScores], found.Found, PrecisionByRecall]:
    """Scores of every step, what is found first after the last, and how precise that is.

    Args:
        rankings: What is found, step by step.
        asked: Who asks for what.
        shown: How much of what is found first is kept.
    """
    judge = asked.judge
    scored: dict[str, QueryScores] = {}
    first = found.Found(len(judge.groups), shown)
    precisions = PrecisionByRecall(len(judge.groups))
    for one in rankings:
        keys = one.keys[:, : asked.depth]
        scores = scored.setdefault(one.step, QueryScores(judge.names, judge.groups))
        scores.put(one.queries, judge.scores(one.queries, keys), one.seconds)
        if not one.step.endswith(lists.SEEN):  # the last that comes stays
            counted = judge.counted(one.queries, keys)[:, :shown]
            first.put(one.queries, counted, judge.is_right(one.queries, counted))
            precisions.put(one.queries, judge.precisions(one.queries, keys))
    return scored, first, precisions


def _last(scored: dict[str, QueryScores], settings: Settings) -> QueryScores:
    """Of what all that reorders gives."""
    steps = [lists.AS_IT_IS, *settings.steps, *([] if settings.verify is None else [lists.VERIFY])]
    return scored[steps[-1]]


def _describe(
    settings: Settings, indexes: Sequence[ScoredIndex], asked: Questions
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "scores": {},
        "intervals": {},
        "precision_at_recall": {},
        "protocol": result.protocol_of(asked.judge.protocol, indexes),
        "depth": asked.depth,
        "queries": len(asked.asking.keys),
        "photographs": len(indexes[0].labels),
        "distractors": asked.distractors,
        "index": result.describe_index(indexes[0]),
        "command": result.command("evaluate", settings),
    }
    if asked.landmarks is not None:
        described["landmarks"] = len(np.unique(asked.landmarks))
    if settings.fuse:
        described["fused"] = [
            {"folder": str(one.folder), **result.describe_index(one)} for one in indexes[1:]
        ]
    return described


def main(settings: Settings) -> None:
    """Scores the index and prints the scores."""
    output = evaluate(settings)
    told = manifest.read_json(output, "python -m pipeline.evaluate")
    landmarks = f" of {told['landmarks']} landmarks" if "landmarks" in told else ""
    print(
        f"{settings.index}: {told['queries']} queries{landmarks} among {told['photographs']} "
        f"photographs ({told['distractors']} distractors)"
    )
    print(result.scores_of(told))
    if "steps" in told:
        print(result.table_of(told["steps"]))
    if settings.submission is not None:
        print(f"Answers: {settings.submission}")
    print(f"Result: {output}")


if __name__ == "__main__":
    command_line.run(main, Settings)
