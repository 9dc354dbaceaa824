"""Which pairs of files are finished, and which shards are to be described into which."""

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.embeddings.pairs import Pairs
from pipeline.embeddings.photographs import Photographs, Shard

Entry = dict[str, Any]  # what a pair says of itself


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run has to do.

    Attributes:
        finished: What finished pairs say of themselves, by the place of their shard.
        pairs: The number of the pair of every shard, in the order of the shards.
    """

    finished: dict[int, Entry]
    pairs: Sequence[int]

    @property
    def pending(self) -> list[int]:
        """Places of the shards that are not finished."""
        return [place for place in range(len(self.pairs)) if place not in self.finished]


def plan(
    layout: Pairs, output: str, photographs: Photographs, model: Path, fingerprint: str
) -> Plan:
    """Finds what is finished and gives numbers to the rest.

    A pair is known by its shard's fingerprint, not by its number: where shards are added the pairs
    that are there stay, and the new ones get numbers that are free.

    Args:
        layout: Of the pairs.
        output: Folder of them.
        photographs: What is to be described.
        model: Folder of the model that is to describe it.
        fingerprint: That model's.

    Raises:
        ValueError: If another model made a pair, it is of photographs elsewhere, or it is of some
            that are still there and not to be described.
    """
    entries = _entries(layout, output)
    for entry in entries.values():
        _require_same_origin(layout, output, entry, photographs.source, model, fingerprint)
    finished = _finished(entries, photographs.shards)
    pairs = {place: entry["pair"] for place, entry in finished.items()}
    taken = set(pairs.values())
    _require_all_wanted(layout, output, entries.keys() - taken, photographs)
    places = range(len(photographs.shards))
    free = (number for number in range(len(places), 2 * len(places)) if number not in taken)
    for place in places:
        # Its own place if it can be: so an interrupted run ends as an uninterrupted one.
        if place not in pairs:
            pairs[place] = next(free) if place in taken else place
    return Plan(finished=finished, pairs=[pairs[place] for place in places])


def _entries(layout: Pairs, output: str) -> dict[int, Entry]:
    """What whole pairs say of themselves, by their numbers."""
    found = {number: layout.read_entry(output, number) for number in layout.numbers_in(output)}
    return {
        number: entry
        for number, entry in found.items()
        if entry is not None and entry.get("pair") == number
    }


def _finished(entries: dict[int, Entry], shards: Sequence[Shard]) -> dict[int, Entry]:
    """The pair of every shard that has one, by the place of the shard.

    Where shards are equal each has a pair of its own: that of its place first.
    """
    rest = dict(entries)
    finished = {
        place: rest.pop(place)
        for place, shard in enumerate(shards)
        if place in rest and rest[place]["sha256"] == shard.fingerprint
    }
    by_fingerprint: dict[str, collections.deque[Entry]]
    by_fingerprint = collections.defaultdict(collections.deque)
    for entry in rest.values():
        by_fingerprint[entry["sha256"]].append(entry)
    for place, shard in enumerate(shards):
        if place not in finished and by_fingerprint[shard.fingerprint]:
            finished[place] = by_fingerprint[shard.fingerprint].popleft()
    return finished


def _require_same_origin(
    layout: Pairs, output: str, entry: Entry, source: str, model: Path, fingerprint: str
) -> None:
    if entry["model_fingerprint"] != fingerprint:
        made_by = f"{output} was made by the model {entry['model_fingerprint'][:12]}"
        if layout.decided_by is not None:
            raise ValueError(
                f"{made_by}, or with another {layout.decided_by}, not by {model} with this one, "
                f"{fingerprint[:12]}; pass the {layout.decided_by} of before to go on, another "
                f"{layout.elsewhere} to keep both, or --overwrite to describe the photographs anew."
            )
        raise ValueError(
            f"{made_by}, not by {model}, {fingerprint[:12]}; pass --overwrite to describe the "
            "photographs anew, or keep the models in two folders."
        )
    before = Path(entry["source"])
    if before.exists() and before.resolve() != Path(source).resolve():
        raise ValueError(
            f"{output} describes {before}, not {source}; give one of the two another --name, or "
            "pass --overwrite to describe this one instead."
        )


def _require_all_wanted(
    layout: Pairs, output: str, pairs: Iterable[int], photographs: Photographs
) -> None:
    """Checks that no work is lost with the pairs that the run will not keep."""
    unwanted = sum(photographs.unwanted(layout.read_rows(output, number)) for number in pairs)
    if unwanted:
        raise ValueError(
            f"{output} has the {layout.what} of {unwanted} photographs that are still there and "
            "not named now; pass another --name to keep both, or --overwrite to describe these "
            "instead."
        )
