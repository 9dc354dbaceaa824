"""The report as it is printed: what was found, in full sentences, long lists cut short."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.data.checks.shard_list import MISSING
from pipeline.text_table import Side, format_table

_SHOWN = 8  # entries of a list


def report_text(found: dict[str, Any], beside: Sequence[str]) -> str:
    """The report of one data set.

    Args:
        found: As ``report`` makes it.
        beside: Names of the files that tell more.
    """
    shards = found["shards"]
    size = sum(shard["bytes"] for shard in shards) / 1e6
    counts = f"{found['photographs']:,} sound photographs in {len(shards)} shards, {size:,.1f} MB"
    lines = [
        f"{found['records']}: {counts}",
        "",
        _split_table(found),
        "",
        *_damage(found["damaged"]),
        *_doubts(found),
        *_copies(found["duplicates"], "with exactly the same bytes"),
        *_copies(found["near_duplicates"], "that look the same"),
        *_leaks(found["leaks"]),
        *_overlaps(found["overlaps"]),
        _skipped(found),
    ]
    if beside:
        lines.append(f"In full: {', '.join(beside)}")
    return "\n".join(lines)


def _split_table(found: dict[str, Any]) -> str:
    columns: dict[str, Side] = {
        "split": "<",
        "photographs": ">",
        "landmarks": ">",
        "photographs each (least, median, most)": ">",
        "with one only": ">",
        "no landmark": ">",
    }
    rows = [
        (
            split,
            f"{counts['photographs']:,}",
            f"{counts['landmarks']:,}",
            f"{counts['least']:,}, {counts['median']:,g}, {counts['most']:,}",
            f"{counts['single']:,}",
            f"{counts['unlabelled']:,}",
        )
        for split, counts in found["landmarks"].items()
    ]
    return format_table(columns, rows)


def _damage(damaged: dict[str, Any]) -> Iterator[str]:
    if not damaged["causes"]:
        yield "Damage: none. All checksums are right and all photographs decode."
        return
    yield f"Damage: {damaged['count']:,} lost or without a sound photograph."
    yield from _causes(damaged["causes"])


def _causes(causes: Sequence[dict[str, Any]]) -> Iterator[str]:
    for entry in causes[:_SHOWN]:
        count = f" ({entry['records']:,})" if entry["records"] else ""
        first = f": {entry['first'].rstrip('.')}" if entry["first"] else ""
        yield f"  {entry['shard']}: {entry['cause']}{count}{first}."
    yield from _more(len(causes))


def _more(count: int) -> Iterator[str]:
    if count > _SHOWN:
        yield f"  and {count - _SHOWN:,} more."


def _doubts(found: dict[str, Any]) -> Iterator[str]:
    doubtful = found["doubtful"]
    if doubtful["count"]:
        yield f"Doubtful: {doubtful['count']:,} times something else is told than is."
        yield from _causes(doubtful["causes"])
    ids = found["ids_of_different_photographs"]
    if ids["count"]:
        yield f"Doubtful: {ids['count']:,} ids stand for several photographs: {_named(ids)}."
    labels = found["labels_with_several_names"]
    if labels["count"]:
        yield f"Doubtful: {labels['count']:,} labels have several names: {_named(labels)}."


def _named(listed: dict[str, Any]) -> str:
    shown = ", ".join(map(str, listed["listed"][:_SHOWN]))
    return shown + (", ..." if listed["count"] > _SHOWN else "")


def _copies(found: dict[str, Any], what: str) -> Iterator[str]:
    if not found["groups"]:
        yield f"Photographs {what}: none."
        return
    yield (
        f"Photographs {what}: {found['photographs']:,} in {found['groups']:,} groups, of which "
        f"{found['groups_across_splits']:,} across splits."
    )
    for members in found["listed"][:_SHOWN]:
        shown = ", ".join(f"{one['split']} {one['id']}" for one in members[:_SHOWN])
        yield f"  {shown}{', ...' if len(members) > _SHOWN else ''}"
    yield from _more(found["groups"])


def _leaks(leaks: Sequence[dict[str, Any]]) -> Iterator[str]:
    if not leaks:
        yield "Landmarks in splits that should share none: none."
    for leak in leaks:
        one, other = leak["splits"]
        labels, names = leak["labels"], leak["names"]
        yield f"Landmarks in both {one} and {other}, which should share none:"
        if labels["count"]:
            yield f"  {labels['count']:,} by label: {_named(labels)}"
        if names["count"]:
            yield f"  {names['count']:,} by name: {_named(names)}"


def _overlaps(overlaps: Sequence[dict[str, Any]]) -> Iterator[str]:
    for overlap in overlaps:
        yield (
            f"Also in {overlap['other']}: {overlap['copies']['count']:,} photographs with the same "
            f"bytes, {overlap['near_duplicates']['count']:,} that look the same, "
            f"{overlap['landmarks']['count']:,} names of landmarks"
            + (f" ({_named(overlap['landmarks'])})." if overlap["landmarks"]["count"] else ".")
        )


def _skipped(found: dict[str, Any]) -> str:
    if not found["described"]:
        return "No other stage opens it, so there is no skip list."
    counts = [
        f"{count:,} {kind.replace('_', ' ')}" for kind, count in found["skipped"].items() if count
    ]
    if any(entry["cause"] == MISSING for entry in found["damaged"]["causes"]):
        counts.append("every split that a shard is missing of, until it is back")
    if not counts:
        return "Every other stage reads all of it."
    return f"Every other stage leaves out: {', '.join(counts)}."
