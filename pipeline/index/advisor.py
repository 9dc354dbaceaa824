"""Chooses a kind of index: builds the candidates on the data and measures them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.embeddings.files import StoredEmbeddings
from pipeline.index import building, disk_index, kinds, loss
from pipeline.index.building import Built, Room
from pipeline.index.faiss_index import FaissIndex
from pipeline.index.metric import Metric
from pipeline.progress import logger
from pipeline.text_table import Side, format_table

_SAMPLE = 100_000  # photographs that candidates are built on
_UNNOTICED = 1.0  # milliseconds that a query may take before a kind that is not exact is worth it
_ATTEMPTS = 2  # kinds built of all photographs, where measuring there disagrees with the sample
_ID_BYTES = 8  # of a vector in an inverted file
# Times grow with the photographs to this power: all are looked at, or cells as large as the
# square root of their number, or a graph's nodes, as many as its logarithm.
_GROWTH = {"everything": 1.0, "nprobe": 0.5, "efSearch": 0.1}
_COLUMNS: dict[str, Side] = {
    **{"kind": "<", "recall@10": ">", "ms alone": ">", "ms of many": ">"},
    **{"MB": ">", "build s": ">", "": "<"},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an index has to do.

    Attributes:
        recall: The least recall@10 against exact search.
        memory: Bytes that it may have; None for any.
        milliseconds: What a query may take that is asked alone; None for any.
    """

    recall: float
    memory: int | None = None
    milliseconds: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
    """A kind of index as it was measured, or is estimated to be with all photographs.

    Attributes:
        kind: One of ``kinds.KINDS`` or a factory string.
        factory: What Faiss calls it.
        photographs: Of how many it was built.
        recall: See ``Built``; likewise ``milliseconds_alone``, ``milliseconds``, ``seconds``.
        bytes: Its size.
        is_mergeable: Whether it can be built where it is larger than memory.
        explanation: Why it misses what it misses.
    """

    kind: str
    factory: str
    photographs: int
    recall: float
    milliseconds_alone: float
    milliseconds: float
    bytes: int
    is_mergeable: bool
    seconds: float
    explanation: str

    def fits(self, wanted: Wanted) -> bool:
        """Whether it is small and fast enough."""
        memory, milliseconds = wanted.memory, wanted.milliseconds
        return (memory is None or self.bytes <= memory) and (
            milliseconds is None or self.milliseconds_alone <= milliseconds
        )

    def is_enough(self, wanted: Wanted) -> bool:
        """Whether it does all that is wanted."""
        return self.fits(wanted) and self.recall >= wanted.recall


@dataclasses.dataclass(frozen=True, kw_only=True)
class Advice:
    """What was measured, and what was chosen.

    Attributes:
        wanted: What was asked for.
        sample: How many photographs the candidates were built of.
        candidates: In the order they were measured; times and sizes are those of all photographs,
            estimated where the candidates were built of fewer.
        chosen: As it was measured with all of them.
        built: Its index.
    """

    wanted: Wanted
    sample: int
    candidates: list[Candidate]
    chosen: Candidate
    built: Built[FaissIndex]

    def table(self) -> str:
        """The candidates as lines of text, the header first."""
        return table_of(self.candidates, self.wanted, self.chosen.kind)

    def as_json(self) -> dict[str, Any]:
        """All of it but the index."""
        return {
            "wanted": dataclasses.asdict(self.wanted),
            "sample": self.sample,
            "candidates": [dataclasses.asdict(one) for one in self.candidates],
            "chosen": dataclasses.asdict(self.chosen),
            "table": self.table(),
        }


def advise(
    stored: StoredEmbeddings,
    wanted: Wanted,
    metric_name: Metric = "cosine",
    room: Room | None = None,
) -> Advice:
    """Builds the candidates, chooses one of them, and has it of all photographs.

    Of those that do what is wanted: the exact one, where it answers in the time allowed, or in a
    millisecond where none was named; else the fastest. Where none has the recall, the one that
    has most of those that are small and fast enough.

    Args:
        stored: The embeddings.
        wanted: What the index has to do.
        metric_name: What vectors are compared by.
        room: What building may take, see ``building.build``.

    Raises:
        ValueError: If no candidate is small and fast enough, with the table of what they are.
    """
    if not len(stored):
        raise ValueError("An index of no photographs cannot be built; embed some first.")
    sample = _sample(stored)
    scale = len(stored) / len(sample)
    candidates: list[Candidate] = []
    ranked: list[Candidate] = []
    for kind in _kinds(stored, wanted, metric_name):
        logger.info("Trying --kind=%s on %d photographs", kind, len(sample))
        tried = building.build(sample, kind, metric_name, least_recall=wanted.recall)
        candidates.append(_candidate(tried, wanted, len(sample), scale))
        ranked = preferred([one for one in candidates if _has_room(one, room)], wanted)
        if ranked[:1] == candidates[-1:]:
            built = tried
    if not ranked:
        raise ValueError(
            f"No kind of index fits {_spelled(wanted)}; allow more, or index fewer photographs "
            f"or shorter vectors:\n{table_of(candidates, wanted)}"
        )
    chosen = ranked[0]
    if len(sample) < len(stored) or (room is not None and chosen.bytes > room.bytes):
        chosen, built = _build_of_all(stored, ranked, wanted, metric_name, room)
    return Advice(
        wanted=wanted, sample=len(sample), candidates=candidates, chosen=chosen, built=built
    )


def _has_room(candidate: Candidate, room: Room | None) -> bool:
    return room is None or candidate.is_mergeable or candidate.bytes <= room.bytes


def _build_of_all(
    stored: StoredEmbeddings,
    ranked: Sequence[Candidate],
    wanted: Wanted,
    metric_name: Metric,
    room: Room | None,
) -> tuple[Candidate, Built[FaissIndex]]:
    """Builds the first choice; where measuring it disagrees with the sample, the second."""
    attempts = []
    for candidate in ranked[:_ATTEMPTS]:
        built = building.build(
            stored, candidate.kind, metric_name, least_recall=wanted.recall, room=room
        )
        attempts.append((_candidate(built, wanted, len(stored), 1), built))
        if attempts[-1][0].is_enough(wanted) or not candidate.is_enough(wanted):
            break
    return max(attempts, key=lambda one: (one[0].fits(wanted), one[0].recall))


def preferred(candidates: Sequence[Candidate], wanted: Wanted) -> list[Candidate]:
    """The candidates that are small and fast enough, the one to choose first, see ``advise``."""
    unnoticed = _UNNOTICED if wanted.milliseconds is None else wanted.milliseconds

    def rank(candidate: Candidate) -> tuple[bool, float, float]:
        if not candidate.is_enough(wanted):
            return True, -candidate.recall, candidate.milliseconds_alone
        is_exact = candidate.kind == "flat" and candidate.milliseconds_alone <= unnoticed
        return False, 0.0 if is_exact else candidate.milliseconds_alone, 0.0

    return sorted((one for one in candidates if one.fits(wanted)), key=rank)


def table_of(candidates: Sequence[Candidate], wanted: Wanted, chosen: str = "") -> str:
    """Candidates as lines of text, the header first."""
    rows = []
    for one in candidates:
        too_much = [
            name
            for name, is_enough in (
                ("recall", one.recall >= wanted.recall),
                ("memory", wanted.memory is None or one.bytes <= wanted.memory),
                (
                    "latency",
                    wanted.milliseconds is None or one.milliseconds_alone <= wanted.milliseconds,
                ),
            )
            if not is_enough
        ]
        remark = f"misses {', '.join(too_much)}" if too_much else ""
        rows.append(
            (
                one.kind,
                f"{one.recall:.3f}",
                f"{one.milliseconds_alone:.3f}",
                f"{one.milliseconds:.3f}",
                f"{one.bytes / 1e6:.1f}",
                f"{one.seconds:.1f}",
                ", ".join(filter(None, ["chosen" if one.kind == chosen else "", remark])),
            )
        )
    return format_table(_COLUMNS, rows)


def _sample(stored: StoredEmbeddings) -> StoredEmbeddings:
    if len(stored) <= _SAMPLE:
        return stored
    generator = np.random.default_rng(0)
    return stored.some(np.sort(generator.choice(len(stored), _SAMPLE, replace=False)))


def _kinds(stored: StoredEmbeddings, wanted: Wanted, metric_name: Metric) -> list[str]:
    """Those that can be built of so many vectors, and one made for the memory allowed."""
    count = min(len(stored), _SAMPLE)
    found: list[str] = [
        kind
        for kind in kinds.KINDS
        if kinds.fewest_vectors(kind) <= count and (kind, metric_name) != ("lsh", "euclidean")
    ]
    if wanted.memory is not None and "ivfpq" in found:
        room = wanted.memory / len(stored) - _ID_BYTES
        sizes = [
            codes for codes in range(1, stored.dimension // 2) if stored.dimension % codes == 0
        ]
        # Two, as centroids and code books take some of it.
        fitting = [codes for codes in sizes if codes < room][-2:]
        found += [kinds.coded_in_cells(codes, count) for codes in fitting]
    return found


def _candidate(
    built: Built[FaissIndex], wanted: Wanted, photographs: int, scale: float
) -> Candidate:
    growth = _GROWTH[next((name for name in built.index.effort if name in _GROWTH), "everything")]
    return Candidate(
        kind=built.index.kind,
        factory=built.factory,
        photographs=photographs,
        recall=built.recall,
        milliseconds_alone=built.milliseconds_alone * scale**growth,
        milliseconds=built.milliseconds * scale**growth,
        bytes=round(
            built.empty_bytes * scale**0.5 + (built.index.bytes - built.empty_bytes) * scale
        ),
        is_mergeable=disk_index.inverted_file(built.index.faiss) is not None,
        seconds=built.seconds * scale,
        explanation=loss.explanation(
            built.loss,
            built.factory,
            built.index.effort,
            built.index.dimension,
            wanted.recall,
        ),
    )


def _spelled(wanted: Wanted) -> str:
    limits = []
    if wanted.memory is not None:
        limits.append(f"--memory={wanted.memory / 1e6:g}MB")
    if wanted.milliseconds is not None:
        limits.append(f"--latency={wanted.milliseconds:g}ms")
    return " and ".join(limits)
