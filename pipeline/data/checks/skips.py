"""From what was found to the skip list."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from pipeline.data.checks import copies
from pipeline.data.checks.comparison import Compared
from pipeline.data.skip_list import ShardSkips, SkippedRecord

SkipKind = Literal["damaged", "duplicates", "near_duplicates", "overlap"]
SKIP_KINDS: tuple[str, ...] = get_args(SkipKind)

# Reasons by kind; those of damage are the findings' own.
_REASONS = {
    "duplicates": "another record has the same photograph",
    "near_duplicates": "another split has nearly the same photograph",
    "overlap": "another data set has the same photograph, or nearly",
}


def skips(compared: Compared, kinds: Sequence[str]) -> tuple[dict[str, ShardSkips], dict[str, int]]:
    """What to leave out of every shard, and how many records for each of the kinds.

    A record that several kinds name is counted for the first in the order of ``SKIP_KINDS``. With
    the damaged goes the kind "lost": promised records of which nothing is there.
    """
    data_set = compared.data_set
    listed: dict[str, list[SkippedRecord]] = {shard.path.name: [] for shard in data_set.shards}
    counts = dict.fromkeys(kinds, 0)
    if "damaged" in kinds:
        for finding in data_set.findings:
            if finding.kind == "damaged" and finding.offset is not None:
                one = SkippedRecord(offset=finding.offset, id=finding.id, reason=finding.reason)
                listed[finding.shard].append(one)
                counts["damaged"] += 1
        counts["lost"] = sum(shard.lost for shard in data_set.shards)
    taken = np.zeros(len(compared.splits), bool)
    for kind, reason in _REASONS.items():
        if kind not in kinds:
            continue
        chosen = np.flatnonzero(_chosen(compared, kind) & ~taken)
        taken[chosen] = True
        counts[kind] = len(chosen)
        _add(compared, chosen, reason, listed)
    return _by_shard(compared, listed, "damaged" in kinds), counts


def _chosen(compared: Compared, kind: str) -> np.ndarray:
    if kind == "duplicates":
        return copies.later_copies(compared.exact, compared.splits)
    if kind == "near_duplicates":
        return copies.trained_copies(compared.near, compared.splits)
    shared = [overlap.copies | overlap.near for overlap in compared.overlaps]
    return np.logical_or.reduce([np.zeros(len(compared.splits), bool), *shared])


def _add(
    compared: Compared, chosen: np.ndarray, reason: str, listed: dict[str, list[SkippedRecord]]
) -> None:
    photographs, shards = compared.data_set.photographs, compared.data_set.shards
    for number in chosen.tolist():
        listed[shards[photographs.shard[number]].path.name].append(
            SkippedRecord(
                offset=int(photographs.offset[number]),
                id=photographs.id[number].decode("utf-8", "replace"),
                reason=reason,
            )
        )


def _by_shard(
    compared: Compared, listed: dict[str, list[SkippedRecord]], lost_too: bool
) -> dict[str, ShardSkips]:
    return {
        shard.path.name: ShardSkips(
            sha256=shard.sha256,
            lost=shard.lost if lost_too else 0,
            records=tuple(sorted(listed[shard.path.name], key=lambda one: one.offset)),
        )
        for shard in compared.data_set.shards
    }
