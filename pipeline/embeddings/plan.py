"""Which pairs of files are finished, and which shards are to be described into which."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.embeddings import files
from pipeline.embeddings.photographs import Photographs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run has to do.

    Attributes:
        finished: What finished pairs say of themselves, by the place of their shard.
        pairs: The number of the pair of every shard, in the order of the shards.
    """

    finished: dict[int, dict[str, Any]]
    pairs: Sequence[int]

    @property
    def pending(self) -> list[int]:
        """Places of the shards that are not finished."""
        return [place for place in range(len(self.pairs)) if place not in self.finished]


def plan(
    output: str, photographs: Photographs, model: Path, fingerprint: str, *, overwrite: bool
) -> Plan:
    """Finds what is finished and gives numbers to the rest.

    A pair is known by its shard's fingerprint, not by its number: where shards are added the pairs
    that are there stay, and the new ones get numbers that are free.

    Args:
        output: Folder of the embeddings.
        photographs: What is to be described.
        model: Folder of the model that is to describe it.
        fingerprint: That model's.
        overwrite: Whether nothing that is there counts as finished.

    Raises:
        ValueError: If another model made a pair, or it is of photographs elsewhere.
    """
    entries = {} if overwrite else _entries(output)
    for entry in entries.values():
        _require_same_origin(output, entry, photographs.source, model, fingerprint)
    finished = {
        place: entries[shard.fingerprint]
        for place, shard in enumerate(photographs.shards)
        if shard.fingerprint in entries
    }
    pairs = {place: entry["pair"] for place, entry in finished.items()}
    places = range(len(photographs.shards))
    taken = set(pairs.values())
    free = (number for number in range(len(places), 2 * len(places)) if number not in taken)
    for place in places:
        # Its own place if it can be: so an interrupted run ends as an uninterrupted one.
        if place not in pairs:
            pairs[place] = next(free) if place in taken else place
    return Plan(finished=finished, pairs=[pairs[place] for place in places])


def _entries(output: str) -> dict[str, dict[str, Any]]:
    """What whole pairs say of themselves, by the fingerprint of their shard."""
    found = {number: files.read_entry(output, number) for number in files.numbers_in(output)}
    return {
        entry["sha256"]: entry
        for number, entry in found.items()
        if entry is not None and entry.get("pair") == number
    }


def _require_same_origin(
    output: str, entry: dict[str, Any], source: str, model: Path, fingerprint: str
) -> None:
    if entry["model_fingerprint"] != fingerprint:
        raise ValueError(
            f"{output} was made by the model {entry['model_fingerprint'][:12]}, not by {model}, "
            f"{fingerprint[:12]}; pass --overwrite to describe the photographs anew, or keep the "
            "models in two folders."
        )
    before = Path(entry["source"])
    if before.exists() and before.resolve() != Path(source).resolve():
        raise ValueError(
            f"{output} describes {before}, not {source}; give one of the two another --name, or "
            "pass --overwrite to describe this one instead."
        )
