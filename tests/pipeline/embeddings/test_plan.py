"""Which pairs stay when shards are added, taken away or changed."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa

from pipeline.embeddings import files
from pipeline.embeddings.photographs import Photographs, Shard
from pipeline.embeddings.plan import plan

MODEL = "0123456789abcdef"


@dataclasses.dataclass(frozen=True)
class Listed:
    """As much of photographs as a plan looks at."""

    shards: Sequence[Shard]
    source: str = "tfrecords/gone"

    def unwanted(self, rows: pa.Table) -> int:
        return len(rows)


def listed(names: str) -> Photographs:
    """A shard a letter, which is its fingerprint too."""
    shards = [Shard(name=name, fingerprint=name, numbers=np.arange(2)) for name in names]
    return cast(Photographs, Listed(shards=shards))


def finish(folder: Path, pairs: dict[int, str]) -> None:
    for number, name in pairs.items():
        entry = {"pair": number, "sha256": name, "model_fingerprint": MODEL, "source": "gone"}
        empty = pa.table({field.name: [] for field in files.METADATA}, schema=files.METADATA)
        files.write_pair(folder, number, np.zeros((0, 4), np.float32), empty, entry)


def planned(folder: Path, names: str) -> tuple[list[int], list[int]]:
    """The places that are pending, and the numbers of all pairs."""
    found = plan(files.VECTORS, str(folder), listed(names), Path("model"), MODEL)
    return found.pending, list(found.pairs)


def test_at_first_every_shard_has_the_pair_of_its_place(tmp_path: Path) -> None:
    assert planned(tmp_path, "abc") == ([0, 1, 2], [0, 1, 2])


def test_an_interrupted_run_goes_on_in_the_same_pairs(tmp_path: Path) -> None:
    finish(tmp_path, {0: "a", 2: "c"})
    assert planned(tmp_path, "abcd") == ([1, 3], [0, 1, 2, 3])


def test_shards_added_behind_or_between_leave_the_others_as_they_are(tmp_path: Path) -> None:
    finish(tmp_path, {0: "a", 1: "b"})
    assert planned(tmp_path, "abc") == ([2], [0, 1, 2])
    # x has b's old place, which is taken; the first free number behind all three is 3.
    assert planned(tmp_path, "axb") == ([1], [0, 3, 1])


def test_a_shard_that_changed_is_described_into_the_same_pair(tmp_path: Path) -> None:
    finish(tmp_path, {0: "a", 1: "b"})
    assert planned(tmp_path, "aB") == ([1], [0, 1])


def test_a_shard_that_is_gone_gives_its_number_away(tmp_path: Path) -> None:
    finish(tmp_path, {0: "a", 1: "b", 2: "c"})
    assert planned(tmp_path, "bc") == ([], [1, 2])
    assert planned(tmp_path, "xbc") == ([0], [0, 1, 2])


def test_equal_shards_have_a_pair_each(tmp_path: Path) -> None:
    finish(tmp_path, {0: "a"})
    assert planned(tmp_path, "aba") == ([1, 2], [0, 1, 2])
    finish(tmp_path, {1: "b", 2: "a"})
    assert planned(tmp_path, "aba") == ([], [0, 1, 2])
    assert planned(tmp_path, "baa") == ([], [1, 0, 2])
    assert planned(tmp_path, "ab") == ([], [0, 1])


def test_an_equal_shard_that_was_described_later_keeps_its_pair(tmp_path: Path) -> None:
    """On a cluster the last may be the first."""
    finish(tmp_path, {2: "a"})
    assert planned(tmp_path, "aba") == ([0, 1], [0, 1, 2])
