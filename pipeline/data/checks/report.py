"""What checking a data set has found, as JSON in full."""

import dataclasses
from typing import Any

import numpy as np

from pipeline.data.checks import copies
from pipeline.data.checks.comparison import Compared, Overlap
from pipeline.data.checks.landmark_counts import (
    count_landmarks,
    find_leaks,
    labels_with_several_names,
)
from pipeline.data.near_duplicates import group_members

MOST_LISTED = 10_000  # of one kind that the file names one by one; the counts tell of all


def report(compared: Compared, skipped: dict[str, int]) -> dict[str, Any]:
    """All that was found out about a data set.

    Args:
        compared: The data set beside the others.
        skipped: Records on the skip list, by kind.

    Returns:
        As ``check.json`` holds it; every list has at most ``MOST_LISTED`` entries, with a count
        of all beside it.
    """
    data_set = compared.data_set
    return {
        "records": str(data_set.folder),
        "described": data_set.described,
        "photographs": len(data_set.photographs),
        "shards": [_shard(compared, number) for number in range(len(data_set.shards))],
        "damaged": _findings(compared, "damaged"),
        "doubtful": _findings(compared, "doubtful"),
        "ids_of_different_photographs": _listed(_texts(compared.different)),
        "duplicates": _groups(compared, compared.exact),
        "near_duplicates": _groups(compared, compared.near),
        "landmarks": {
            split: dataclasses.asdict(counts) for split, counts in count_landmarks(data_set).items()
        },
        "labels_with_several_names": _listed(labels_with_several_names(data_set)),
        "leaks": [
            {"splits": leak.splits, "labels": _listed(leak.labels), "names": _listed(leak.names)}
            for leak in find_leaks(data_set)
        ],
        "overlaps": [_overlap(compared, overlap) for overlap in compared.overlaps],
        "skipped": skipped,
    }


def _listed(entries: Any) -> dict[str, Any]:
    return {"count": len(entries), "listed": list(entries[:MOST_LISTED])}


def _texts(ids: np.ndarray) -> list[str]:
    return [one.decode("utf-8", "replace") for one in ids.tolist()]


def _shard(compared: Compared, number: int) -> dict[str, Any]:
    shard = compared.data_set.shards[number]
    return {
        "name": shard.path.name,
        "split": shard.split,
        "bytes": shard.size,
        "promised": shard.promised,
        "sound": int((compared.data_set.photographs.shard == number).sum()),
        "sha256": shard.sha256,
    }


def _findings(compared: Compared, kind: str) -> dict[str, Any]:
    """The findings of a kind: how many records, by cause and shard, and each."""
    found = [finding for finding in compared.data_set.findings if finding.kind == kind]
    causes: dict[tuple[str, str], list[Any]] = {}
    for finding in found:
        entry = causes.setdefault((finding.cause, finding.shard), [0, finding.detail])
        entry[0] += finding.records
    doubtful = sum(compared.data_set.doubtful.values())
    return {
        "count": sum(finding.records for finding in found) if kind == "damaged" else doubtful,
        "causes": [
            {"cause": cause, "shard": shard, "records": records, "first": detail}
            for (cause, shard), (records, detail) in causes.items()
        ],
        "listed": [
            {
                "shard": finding.shard,
                "offset": finding.offset,
                "id": finding.id,
                "reason": finding.reason,
            }
            for finding in found[:MOST_LISTED]
        ],
    }


def _groups(compared: Compared, groups: np.ndarray) -> dict[str, Any]:
    across = copies.across_splits(groups, compared.splits)
    # Those across splits first: they are the ones that falsify a result.
    numbers = np.concatenate([across, np.setdiff1d(groups[groups >= 0], across)])[:MOST_LISTED]
    listed = group_members(np.where(np.isin(groups, numbers), groups, -1))
    place = {int(number): place for place, number in enumerate(numbers)}
    listed.sort(key=lambda members: place[int(groups[members[0]])])
    return {
        "groups": len(np.unique(groups[groups >= 0])),
        "photographs": int((groups >= 0).sum()),
        "groups_across_splits": len(across),
        "listed": [[_photograph(compared, number) for number in members] for members in listed],
    }


def _photograph(compared: Compared, number: int) -> dict[str, Any]:
    photographs = compared.data_set.photographs
    return {
        "split": str(compared.splits[number]),
        "shard": compared.data_set.shards[photographs.shard[number]].path.name,
        "offset": int(photographs.offset[number]),
        "id": photographs.id[number].decode("utf-8", "replace"),
        "label": int(photographs.label[number]),
    }


def _overlap(compared: Compared, overlap: Overlap) -> dict[str, Any]:
    return {
        "other": str(overlap.other.folder),
        "copies": _photographs(compared, overlap.copies),
        "near_duplicates": _photographs(compared, overlap.near),
        "landmarks": _listed(overlap.landmarks),
    }


def _photographs(compared: Compared, chosen: np.ndarray) -> dict[str, Any]:
    numbers = np.flatnonzero(chosen)
    return {
        "count": len(numbers),
        "listed": [_photograph(compared, number) for number in numbers[:MOST_LISTED]],
    }
