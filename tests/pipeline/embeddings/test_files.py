"""Pairs of files, here and where only TensorFlow reaches."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline import storage
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.embed import Settings, embed
from pipeline.embeddings import files
from pipeline.embeddings.files import read_embeddings
from tests.tiny import Tiny


def rows(count: int) -> pa.Table:
    columns = {
        field.name: [str(n) for n in range(count)] if field.type == pa.string() else range(count)
        for field in files.METADATA
    }
    return pa.table(columns, schema=files.METADATA)


def test_embeddings_and_index_of_another_file_system_are_those_of_this_one(tiny: Tiny) -> None:
    """ram:// is a file system that TensorFlow alone knows, as gs:// is."""
    output = embed(
        Settings(
            model=tiny.model, records=tiny.records, output="ram://bucket/squares", batch_size=4
        )
    )
    assert output == "ram://bucket/squares"
    far, near = read_embeddings([output]), read_embeddings([tiny.embeddings])
    np.testing.assert_array_equal(far.vectors, near.vectors)
    assert far.metadata == near.metadata
    for number in files.numbers_in(output):
        for path_of in (files.vectors_path, files.metadata_path):
            content = Path(path_of(tiny.embeddings, number)).read_bytes()
            assert storage.read(path_of(output, number)) == content
    index = build_index(IndexSettings(model=tiny.model, data=("ram://bucket/squares",), kind="pq"))
    assert index == tiny.model / "indexes" / "squares-pq"


def test_a_pair_without_its_vectors_or_its_rows_is_none(tmp_path: Path) -> None:
    for number in range(3):
        files.write_pair(
            tmp_path, number, np.eye(3, 4, dtype=np.float32), rows(3), {"pair": number}
        )
    assert files.read_entry(tmp_path, 2) == {"pair": 2}
    Path(files.vectors_path(tmp_path, 0)).unlink()
    Path(files.metadata_path(tmp_path, 1)).write_bytes(b"no table")
    assert files.read_entry(tmp_path, 0) is None
    assert files.read_entry(tmp_path, 1) is None
    Path(files.metadata_path(tmp_path, 2)).unlink()
    assert files.read_entry(tmp_path, 2) is None
    assert files.numbers_in(tmp_path) == [0, 1, 2], "halves are found, to be removed"
    files.remove_pair(tmp_path, 1)
    assert files.numbers_in(tmp_path) == [0, 2]


@pytest.mark.parametrize("left", [0, 60, 128, 128 + 12 * 4 - 1])
def test_vectors_that_were_cut_make_no_whole_pair(left: int, tmp_path: Path) -> None:
    """As after a crash of the machine, or a copy that was broken off."""
    files.write_pair(tmp_path, 0, np.eye(3, 4, dtype=np.float32), rows(3), {"pair": 0})
    vectors = Path(files.vectors_path(tmp_path, 0))
    vectors.write_bytes(vectors.read_bytes()[:left])
    assert files.read_entry(tmp_path, 0) is None


def test_vectors_of_other_rows_make_no_whole_pair(tmp_path: Path) -> None:
    files.write_pair(tmp_path, 0, np.eye(3, 4, dtype=np.float32), rows(3), {"pair": 0})
    np.save(files.vectors_path(tmp_path, 0), np.eye(2, 4, dtype=np.float32))
    assert files.read_entry(tmp_path, 0) is None


@pytest.mark.parametrize("left", [0, 130])
def test_vectors_that_were_cut_are_told_and_made_again(
    left: int, tiny: Tiny, tmp_path: Path
) -> None:
    settings = Settings(model=tiny.model, records=tiny.records, output=str(tmp_path / "squares"))
    output = embed(settings)
    vectors = Path(files.vectors_path(output, 1))
    whole = vectors.read_bytes()
    opened = files.open_embeddings([output])
    vectors.write_bytes(whole[:left])
    with pytest.raises(ValueError, match=r"metadata_1.parquet and its vectors .* make them again"):
        list(opened.blocks())
    with pytest.raises(ValueError, match=r"metadata_1.parquet and its vectors .* make them again"):
        read_embeddings([output])
    embed(settings)
    assert vectors.read_bytes() == whole


def test_what_has_a_name_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a crash may leave the name and no bytes."""
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        events.append(f"{os.fstat(descriptor).st_size} bytes")

    def replaced(path: Path, target: Path) -> Path:
        events.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    storage.write(str(tmp_path / "name"), b"content")
    assert events == ["7 bytes", "name"]


def test_what_is_written_over_is_never_half_there(tmp_path: Path) -> None:
    """New vectors beside the rows of old ones would be taken for theirs."""
    files.write_pair(tmp_path, 0, np.eye(2, dtype=np.float32), rows(2), {"pair": 0})
    Path(files.vectors_path(tmp_path, 0)).unlink()
    Path(files.vectors_path(tmp_path, 0)).mkdir()  # where a file cannot be written
    with pytest.raises(IsADirectoryError, match="img_emb"):
        files.write_pair(tmp_path, 0, np.eye(3, dtype=np.float32), rows(3), {"pair": 0})
    assert files.read_entry(tmp_path, 0) is None
