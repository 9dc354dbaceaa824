import dataclasses
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.data import record_rows, records
from pipeline.data.licenses import count_licenses
from pipeline.data.record_table import open_records
from pipeline.data.records import Photograph

BY = "https://creativecommons.org/licenses/by/2.0/"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """To learn from: three photographs under CC BY, one under "ø", one that states nothing."""
    folder = tmp_path / "records"
    licenses = [BY, BY, "ø", "", BY]
    photographs = [
        Photograph(
            id=f"{number:016x}",
            sha256=f"{number:064x}",
            encoded=b"",
            format="JPEG",
            height=1,
            width=1,
            license=license,
        )
        for number, license in enumerate(licenses)
    ]
    unseen = dataclasses.replace(photographs[0], id="f" * 16, license="unseen")
    records.write_shards({"train": photographs, "test": [unseen]}, folder, shards=1)
    return folder


def _files(folder: Path, split: str) -> dict[str, str]:
    table = open_records(folder, split)
    return dict(zip(map(str, table.files.paths), table.fingerprints, strict=True))


def test_photographs_of_the_split_are_counted_most_first(folder: Path) -> None:
    counts = count_licenses(folder, "train", _files(folder, "train"))
    assert counts == {BY: 3, "ø": 1, "": 1}
    assert next(iter(counts)) == BY


def test_the_count_is_kept_beside_the_records_and_not_read_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = _files(folder, "train")
    monkeypatch.setattr(record_rows, "_read_shard", None)
    assert count_licenses(folder, "train", files) == {BY: 3, "ø": 1, "": 1}


def test_a_table_of_an_earlier_version_which_has_no_count_is_made_again(folder: Path) -> None:
    files = _files(folder, "train")
    path = folder / record_rows.FILE
    table = pq.read_table(path)
    told = json.loads(table.schema.metadata[b"shards"])
    for shard in told.values():
        del shard["licenses"]
    pq.write_table(table.replace_schema_metadata({b"shards": json.dumps(told)}), path)
    assert count_licenses(folder, "train", files) == {BY: 3, "ø": 1, "": 1}


def test_records_that_are_gone_or_others_are_not_counted(folder: Path) -> None:
    files = _files(folder, "train")
    assert count_licenses(folder / "gone", "train", files) is None
    assert count_licenses(folder, "no such split", files) is None
    assert count_licenses(folder, "train", {name: "other" for name in files}) is None
    assert count_licenses(folder, "test", files) is None
