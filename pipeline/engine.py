"""From a query photograph to ranked results, for the command line and the page alike."""

import dataclasses
import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pipeline import model_folder
from pipeline.answer import Answer, Recognition, Result
from pipeline.descriptions import Descriptions
from pipeline.descriptors import Descriptor, describe_part, open_descriptor
from pipeline.index.collection import load_collection, search_above
from pipeline.index.filters import Condition
from pipeline.query_photograph import Box, BoxSource, crop
from pipeline.ranking.neighbourhood import unit_vectors
from pipeline.ranking.reranking import Ranking, Reranker, direct, fused, with_first
from pipeline.ranking.settings import RankingSettings
from pipeline.ranking.verifier import FIRST, Verifier, verified_order
from pipeline.recognition import votes
from pipeline.recognition.votes import VOTERS
from pipeline.step_times import StepTimes
from pipeline.stored_photograph import StoredPhotograph

DEFAULT_PRECISION = 0.9  # of recognition with confidence
_RERANKERS = 8  # that are kept: each may hold the neighbours of every photograph
_TOLD = [field.name for field in dataclasses.fields(StoredPhotograph)]


class Engine:
    """A model and a collection it has described; several threads may ask at a time.

    Args:
        folder: Folder of an index, ``exported/MODEL/indexes/NAME``.
        descriptor: The model, where the caller has loaded it; by default the model folder that
            the index lies in.
        extractor: Model folder of local features that verify the first results; None for none.

    Raises:
        FileNotFoundError: If the index or its model is missing, or local features are.
        ValueError: If another model filled the index, naming both, or an earlier version built it;
            as ``Verifier`` does.
    """

    def __init__(
        self, folder: Path, descriptor: Descriptor | None = None, extractor: Path | None = None
    ) -> None:
        self._folder = folder
        self.collection = load_collection(folder)
        self.descriptor = descriptor or open_descriptor(model_folder.of_index(folder))
        model_folder.require_made_by(
            self.descriptor.folder, folder, self.collection.manifest["model_fingerprint"]
        )
        known = {*self.collection.schema.names, *self.collection.manifest}
        lacking = [name for name in (*_TOLD, "recognition") if name not in known]
        if lacking:
            raise ValueError(
                f"{folder} was built by an earlier version and lacks {', '.join(lacking)}; run "
                "`python -m pipeline.embed` and `python -m pipeline.build_index --overwrite` again."
            )
        self._rerankers: OrderedDict[RankingSettings, Reranker] = OrderedDict()
        self._reordering = threading.Lock()  # a reranker is for one thread at a time
        self._others: dict[str, Engine] = {}
        self._rules = votes.rules_of(self.collection.manifest["recognition"])
        self._verifier = None if extractor is None else Verifier(extractor, self.collection)

    def search(
        self,
        image: np.ndarray,
        k: int,
        box: Box | None = None,
        where: Sequence[Condition] = (),
    ) -> list[Result]:
        """The results of ``ask``."""
        return self.ask(image, k, box, where).results

    def ask(
        self,
        image: np.ndarray,
        k: int,
        box: Box | None = None,
        where: Sequence[Condition] = (),
        *,
        least: float | None = None,
        precision: float = DEFAULT_PRECISION,
        without: str | None = None,
        ranking: RankingSettings | None = None,
        box_from: BoxSource = "auto",
        times: StepTimes | None = None,
    ) -> Answer:
        """Finds the photographs most like an image, or a part of it, and its landmark.

        Reordered results keep the similarity and the probability that they have without: of their
        own vector and the query's, which calibration was learned from. So neither falls with the
        rank then. Who votes for the landmark is as it is without.

        Args:
            image: uint8 ``(height, width, 3)`` RGB, upright.
            k: How many results, at least 1; fewer come where the collection is smaller.
            box: The part of the image that shows the landmark; None for all of it.
            where: Conditions that a result has to satisfy.
            least: The least similarity of a result; all that have it come, whatever ``k``.
            precision: That recognition with confidence is to have, .5 to .99.
            without: The id of a photograph that has no vote, the query itself for one; where
                results are reordered it is none of them, nor does it reorder others.
            ranking: What reorders the results before they are verified, where ``least`` is None; by
                default nothing.
            box_from: What the box is cut out of to be described, see ``describe_part``; its local
                features are those of the cropped photograph either way.
            times: Told what each step takes; it may end the query before a step.

        Raises:
            FileNotFoundError: If an index that ``ranking`` fuses is missing.
            ValueError: If ``k`` is below 1, the box leaves nothing of the image, a condition
                is on no column of the collection, the precision is out of range, ``ranking``
                asks for what the index cannot do or fuses one of other photographs, or a model that
                is to describe a box by its feature map has none.
        """
        if k < 1:
            raise ValueError(f"--k is at least 1. Received: {k}.")
        times = times or StepTimes()
        describe = functools.partial(describe_part, image=image, box=box, source=box_from)
        with times.step("description"):
            vector = describe(self.descriptor)
        if not len(self):
            return Answer(results=[], recognition=None)
        verified = 0 if self._verifier is None else FIRST
        depth = min(max(k, verified, VOTERS + (without is not None)), len(self))
        with times.step("search"):
            similarities, keys = self.collection.search(vector, depth, where)
            results = self._results(similarities[0], keys[0])
            voters = [one for one in results if one.photograph.id != without]
            recognition = self._recognised(voters, precision)
            if least is not None:
                results = self._results(*search_above(self.collection, vector, least, where)[0])
        if least is None and ranking is not None and ranking.steps:
            wanted = max(k, verified)
            with times.step("reordering"), self._reordering:
                results = self._reordered(describe, vector, wanted, where, ranking, without)
        if self._verifier is not None:
            with times.step("verification"):
                results = self._verified(self._verifier, image, box, results)
        return Answer(
            results=results if least is not None else results[:k], recognition=recognition
        )

    def _reordered(
        self,
        describe: Callable[[Descriptor], Descriptions],
        vector: Descriptions,
        k: int,
        where: Sequence[Condition],
        ranking: RankingSettings,
        without: str | None,
    ) -> list[Result]:
        reranker = self._reranker(ranking)
        rankings = self._rankings(reranker, vector, k, where, without)
        found = [(reranker, rankings)]
        for folder in ranking.fuse:
            other = self._other(folder)
            asked = describe(other.descriptor)
            fused_one = other._reranker(ranking, reranker)
            found.append((fused_one, other._rankings(fused_one, asked, k, where, without)))
        ids = reranker.ids(rankings[-1].keys)
        if ranking.fuse:
            ids = fused([_as_list(one, each[-1]) for one, each in found], ranking)
        if ranking.keep_first:
            lists = [_as_list(one, it) for one, each in found for it in direct(each, ranking)]
            ids = with_first(ids, lists, ranking)
        keys = self.collection.keys_of(ids[:k])
        return self._results(self._similarities(vector, rankings[0], keys), keys)

    def _similarities(self, vector: Descriptions, found: Ranking, keys: np.ndarray) -> np.ndarray:
        """As the index told them of what it found; of others, from the vectors it holds."""
        known = dict(zip(found.keys.tolist(), found.scores.tolist(), strict=True))
        own = np.zeros(len(keys), np.float32)  # bags that were not found have no word in common
        if isinstance(vector, np.ndarray):
            own = unit_vectors(self.collection, keys) @ vector[0]
        pairs = zip(keys.tolist(), own.tolist(), strict=True)
        return np.array([known.get(key, similarity) for key, similarity in pairs])

    def _rankings(
        self,
        reranker: Reranker,
        vector: Descriptions,
        k: int,
        where: Sequence[Condition],
        without: str | None,
    ) -> list[Ranking]:
        """What is found as it is, and after every step but the fusion."""
        own = None if without is None else reranker.key_of(without)
        return list(reranker.rankings(vector, k, without=own, where=where))

    def _other(self, folder: str) -> "Engine":
        if folder not in self._others:
            self._others[folder] = Engine(Path(folder))
        return self._others[folder]

    def _reranker(self, ranking: RankingSettings, fused_with: Reranker | None = None) -> Reranker:
        if ranking not in self._rerankers:
            self._rerankers[ranking] = Reranker(
                self.collection, ranking, folder=self._folder, fused_with=fused_with
            )
        self._rerankers.move_to_end(ranking)
        while len(self._rerankers) > _RERANKERS:
            self._rerankers.popitem(last=False)
        return self._rerankers[ranking]

    def _results(self, similarities: np.ndarray, keys: np.ndarray) -> list[Result]:
        """Of one query; a key of -1 is none."""
        found = keys >= 0
        similarities, photographs = similarities[found], self.photographs(keys[found])
        probabilities = [None] * len(photographs)
        if self._rules is not None:
            probabilities = self._rules.probabilities(similarities).tolist()
        return [
            Result(rank=rank, similarity=similarity, probability=probability, photograph=photograph)
            for rank, (similarity, probability, photograph) in enumerate(
                zip(similarities.tolist(), probabilities, photographs, strict=True), start=1
            )
        ]

    def _verified(
        self, verifier: Verifier, image: np.ndarray, box: Box | None, results: list[Result]
    ) -> list[Result]:
        """The first results compared with the query, see ``verified_order``.

        A box is cut out before features are looked for: of 92 photographs of Indian landmarks and
        boxes of about half their sides, mAP is .446 unverified, .456 so and .455 with those of a
        whole photograph's 1,000 features that lie in the box; recall@1 .902, .924 and .913.
        """
        first = results[:FIRST]
        query = verifier.extractor.extract(crop(image, box))
        found = verifier.verify_all(query, [one.photograph.content for one in first])
        reordered = [
            dataclasses.replace(first[place], rank=rank, verification=found[place])
            for rank, place in enumerate(verified_order(found).tolist(), start=1)
        ]
        return [*reordered, *results[FIRST:]]

    def _recognised(self, voters: Sequence[Result], precision: float) -> Recognition | None:
        if self._rules is None:
            return None
        labels = np.array([voter.photograph.label for voter in voters], np.int64)
        similarities = np.array([voter.similarity for voter in voters])
        found = self._rules.recognise(similarities, labels, precision)
        names = [voter.photograph.landmark for voter in voters]
        return Recognition(
            landmark=names[int(np.argmax(labels == found.label))] if found.label >= 0 else None,
            probability=found.probability,
            is_confident=found.is_confident,
        )

    def photographs(self, keys: np.ndarray) -> list[StoredPhotograph]:
        """What the collection knows of the photographs with these keys."""
        rows = self.collection.photographs(keys).select(_TOLD).to_pylist()
        return [StoredPhotograph(**row) for row in rows]

    def __len__(self) -> int:
        """Photographs in the collection."""
        return len(self.collection)


def _as_list(reranker: Reranker, ranking: Ranking) -> tuple[list[str], np.ndarray]:
    return reranker.ids(ranking.keys), ranking.scores
