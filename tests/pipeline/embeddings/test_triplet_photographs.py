import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.shards import read_record
from pipeline.data.sources.kaggle_triplets import KaggleTripletsSource
from pipeline.data.sources.record_files import record_features
from pipeline.data.sources.source import content_id
from pipeline.embeddings.triplet_photographs import TripletPhotographs


@pytest.fixture
def pattern(triplet_files: list[Path]) -> str:
    return str(triplet_files[0].parent / "train*.tfrec")


def opened(pattern: str) -> TripletPhotographs:
    return TripletPhotographs.all_of(pattern, KaggleTripletsSource(pattern))


def test_rows_tell_where_each_photograph_lies(pattern: str) -> None:
    photographs = opened(pattern)
    numbers = np.arange(len(photographs.contents))
    rows = photographs.rows(numbers, {}).to_pylist()
    assert len(rows) == 15  # five triplets of photographs that differ
    for row, encoded in zip(rows, photographs.read_all(numbers), strict=True):
        features = record_features(read_record(Path(row["shard"]), row["offset"]))
        assert features[row["title"]].bytes_list.value[0] == encoded
        assert row["id"] == row["content"] == content_id(encoded)


def test_one_shard_alone_holds_what_it_holds_among_all(pattern: str) -> None:
    photographs = opened(pattern)
    assert [len(shard.numbers) for shard in photographs.shards] == [9, 6]
    for place, shard in enumerate(photographs.shards):
        alone = photographs.only(place)
        (own,) = alone.shards
        assert (own.name, own.fingerprint) == (shard.name, shard.fingerprint)
        found = alone.read_all(own.numbers).tolist()
        assert found == photographs.read_all(shard.numbers).tolist()
        assert alone.rows(own.numbers, {}).equals(photographs.rows(shard.numbers, {}))


def test_files_that_have_moved_are_known_by_what_they_hold(pattern: str, tmp_path: Path) -> None:
    before = opened(pattern)
    moved = opened(f"{shutil.copytree(Path(pattern).parent, tmp_path / 'moved')}/train*.tfrec")
    assert moved.source == f"{tmp_path}/moved"
    for old, new in zip(before.shards, moved.shards, strict=True):
        assert old.fingerprint == new.fingerprint
        renamed = moved.rename(new, before.rows(old.numbers, {}))
        assert set(renamed["shard"].to_pylist()) == {new.name}


def test_photographs_that_lie_there_and_are_not_named_are_unwanted(pattern: str) -> None:
    everything, some = opened(pattern), opened(pattern.replace("*", "00"))
    rows = everything.rows(np.arange(15), {})
    assert some.unwanted(rows) == 6
    assert everything.unwanted(rows) == 0


def test_a_file_that_is_gone_is_no_damage(pattern: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(Path(pattern).parent, tmp_path / "kaggle"))
    photographs = opened(f"{folder}/train*.tfrec")
    (folder / "train01.tfrec").unlink()
    assert photographs.read_all(np.array([0, 14])).tolist()[1] == b""
    assert list(photographs.damage(np.array([0]))) == []
    with pytest.raises(FileNotFoundError, match=r"train01\.tfrec"):
        list(photographs.damage(np.array([14])))
