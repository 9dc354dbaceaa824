"""Photographs described from their own files, and shown from there."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import ExifTags, Image

from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.data.sources.folder import FolderSource
from pipeline.descriptors import SavedDescriptor
from pipeline.embed import Settings, embed
from pipeline.embeddings import files
from pipeline.embeddings.description import VectorDescriber, describe_shard
from pipeline.embeddings.files import read_embeddings
from pipeline.embeddings.found_files import FoundFiles, cut, find_photographs
from pipeline.engine import Engine
from pipeline.index import filters
from pipeline.query_photograph import read_photograph
from tests.tiny import Tiny


@pytest.fixture
def model(tiny: Tiny, tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("embeddings", "indexes")
    return Path(shutil.copytree(tiny.model, tmp_path / "model", ignore=ignored))


@pytest.fixture
def photos(tiny: Tiny, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny.photos, tmp_path / "holiday"))


def test_folder_gives_what_its_records_give(tiny: Tiny, model: Path) -> None:
    embedded = read_embeddings([embed(Settings(model=model, photos=str(tiny.photos)))])
    of_records = read_embeddings([tiny.embeddings])
    vector_of = dict(
        zip(of_records.metadata["content"].to_pylist(), of_records.vectors, strict=True)
    )
    assert len(embedded.vectors) == 24
    for vector, row in zip(embedded.vectors, embedded.metadata.to_pylist(), strict=True):
        np.testing.assert_allclose(vector, vector_of[row["content"]], atol=1e-5)
        assert row["landmark"] == row["title"].split("/")[0]
        assert row["shard"] == str(tiny.photos / row["title"])
    assert set(embedded.labels) == set(range(6))


def test_results_show_the_files_themselves(model: Path, photos: Path) -> None:
    embed(Settings(model=model, photos=str(photos)))
    engine = Engine(build_index(IndexSettings(model=model, data=("holiday",))))
    query = read_photograph(photos / "landmark 3" / "1.jpg")
    first = engine.search(query, 3)[0].photograph
    assert first.title == "landmark 3/1.jpg"
    np.testing.assert_array_equal(first.read_image(), query)
    Path(first.shard).write_bytes((photos / "landmark 2" / "1.jpg").read_bytes())
    with pytest.raises(ValueError, match=r"1.jpg has been replaced since it was described"):
        first.read_image()


def test_formats_that_tensorflow_does_not_decode_are_described_too(
    model: Path, photos: Path
) -> None:
    pixels = read_photograph(photos / "landmark 0" / "0.jpg")
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF")
    (photos / "landmark 0" / "0.tiff").write_bytes(buffer.getvalue())
    embedded = read_embeddings([embed(Settings(model=model, photos=str(photos)))])
    titles = embedded.metadata["title"].to_pylist()
    found = embedded.vectors[titles.index("landmark 0/0.tiff")]
    (expected,) = SavedDescriptor(model).describe_images(pixels[None])
    assert found @ expected > 0.999, "written as JPEG"


def test_what_is_no_photograph_is_listed_with_its_reason(model: Path, photos: Path) -> None:
    (photos / "notes.txt").write_text("no photograph")
    cut = photos / "landmark 1" / "0.jpg"
    cut.write_bytes(cut.read_bytes()[:300])
    (photos / "gone.jpg").symlink_to("nowhere")
    output = embed(Settings(model=model, photos=str(photos)))
    described = files.read_manifest(output)
    assert (described["photographs"], described["skipped"]) == (23, 3)
    reasons = {one["photograph"]: one["reason"] for one in described["shards"][0]["skipped"]}
    assert set(reasons) == {"notes.txt", "gone.jpg", "landmark 1/0.jpg"}
    assert "cannot be read" in reasons["gone.jpg"]
    assert "JPEG" in reasons["landmark 1/0.jpg"]


def test_photographs_that_are_all_damaged_give_no_vectors_and_a_full_bar(
    model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in photos.glob("*/*.jpg"):
        path.write_bytes(path.read_bytes()[:300])
    output = embed(Settings(model=model, photos=str(photos)))
    assert "24/24" in capsys.readouterr().err
    embedded = read_embeddings([output])
    assert embedded.vectors.shape == (0, 16)
    assert embedded.vectors.dtype == np.float32
    with pytest.raises(ValueError, match="index of no photographs cannot be built"):
        build_index(IndexSettings(model=model, data=("holiday",)))


def test_files_that_vanish_are_no_damaged_photographs(
    model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a mount is lost; once it is back the run goes on."""
    found = find_photographs(str(photos))
    shutil.move(photos, photos.with_name("away"))
    with pytest.raises(FileNotFoundError, match=r"0\.jpg"):
        describe_shard(found, 0, VectorDescriber.open(model), 8)
    shutil.move(photos.with_name("away"), photos)
    assert len(describe_shard(found, 0, VectorDescriber.open(model), 8).rows) == 24
    monkeypatch.setattr(
        FoundFiles, "read_all", lambda self, numbers: np.full(numbers.shape, b"", object)
    )
    with pytest.raises(
        OSError, match=r"24 photographs of .*holiday, .* could not be read for a wh"
    ):
        describe_shard(found, 0, VectorDescriber.open(model), 8)


def test_a_photograph_that_is_removed_in_mid_run_is_listed(
    model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = photos / "landmark 2" / "3.jpg"
    read_all = FoundFiles.read_all

    def read_and_remove(self: FoundFiles, numbers: np.ndarray) -> np.ndarray:
        removed.unlink(missing_ok=True)
        return read_all(self, numbers)

    monkeypatch.setattr(FoundFiles, "read_all", read_and_remove)
    described = files.read_manifest(embed(Settings(model=model, photos=str(photos))))
    assert described["photographs"] == 23
    assert described["shards"][0]["skipped"] == [
        {"photograph": "landmark 2/3.jpg", "reason": "is gone"}
    ]


def test_a_photograph_that_is_removed_while_the_folder_is_listed(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size and time cannot be asked for any more."""
    listed = [*FolderSource(photos).files, photos / "landmark 5" / "gone.jpg"]
    monkeypatch.setattr("pipeline.data.sources.folder.files_below", lambda folder: iter(listed))
    assert len(find_photographs(str(photos)).paths) == 25


def test_a_lost_mount_that_leaves_an_empty_folder_is_no_removal(model: Path, photos: Path) -> None:
    folder = photos / "landmark 0"
    found = find_photographs(str(folder))
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"0\.jpg"):
        describe_shard(found, 0, VectorDescriber.open(model), 8)


def test_a_path_that_is_listed_twice_is_described_once(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos / "landmark 0")
    found = FoundFiles.listed("a list", [Path("0.jpg"), Path("1.jpg"), Path("0.jpg").absolute()])
    assert [path.name for path in found.paths] == ["0.jpg", "1.jpg"]


def test_a_list_may_grow_but_not_drop_what_is_described(
    model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(photos.glob("*/*.jpg"))

    def describe(wanted: list[Path], *, overwrite: bool = False) -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(str, wanted))))
        settings = Settings(model=model, photos="-", name="some", overwrite=overwrite)
        return len(read_embeddings([embed(settings)]).vectors)

    assert describe(paths[:5]) == 5
    assert describe(paths[:8]) == 8
    with pytest.raises(ValueError, match=r"vectors of 6 photographs .* another --name to keep bo"):
        describe(paths[6:12])
    with pytest.raises(ValueError, match="vectors of 8 photographs"):
        embed(Settings(model=model, photos=str(photos / "landmark 5"), name="some"))
    paths[0].unlink()
    assert describe(paths[1:8]) == 7, "what is gone may go"
    assert describe(paths[6:12], overwrite=True) == 6


def test_one_photograph_and_a_list_of_paths(
    model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = photos / "landmark 0" / "2.jpg"
    (row,) = read_embeddings([embed(Settings(model=model, photos=str(one)))]).metadata.to_pylist()
    assert row["shard"] == str(one)
    other = photos / "landmark 4" / "1.jpg"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{one}\n\n{other}\n"))
    output = embed(Settings(model=model, photos="-", name="two"))
    assert output == str(model / "embeddings" / "two")
    rows = read_embeddings([output]).metadata["shard"].to_pylist()
    assert rows == [str(one), str(other)]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{one}\n{photos / 'none.jpg'}\n"))
    with pytest.raises(FileNotFoundError, match=r"none.jpg, named by standard input, is no file"):
        embed(Settings(model=model, photos="-", name="two"))
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with pytest.raises(ValueError, match="standard input names no photograph"):
        embed(Settings(model=model, photos="-", name="two"))


def test_a_folder_that_has_moved_is_not_described_again(model: Path, photos: Path) -> None:
    output = Path(embed(Settings(model=model, photos=str(photos))))
    vectors = Path(files.vectors_path(output, 0))
    before = vectors.stat().st_mtime_ns
    (photos.parent / "elsewhere").mkdir()
    moved = photos.rename(photos.parent / "elsewhere" / "holiday")
    embed(Settings(model=model, photos=str(moved)))
    assert vectors.stat().st_mtime_ns == before
    for row in read_embeddings([output]).metadata.to_pylist():
        assert row["shard"] == str(moved / row["title"])


def test_a_photograph_that_changed_is_described_again(model: Path, photos: Path) -> None:
    output = embed(Settings(model=model, photos=str(photos)))
    before = set(read_embeddings([output]).metadata["content"].to_pylist())
    changed = photos / "landmark 0" / "0.jpg"
    changed.write_bytes(tf.io.encode_jpeg(np.zeros((9, 9, 3), np.uint8)).numpy())
    os.utime(changed, ns=(1, 1))
    embed(Settings(model=model, photos=str(photos)))
    after = set(read_embeddings([output]).metadata["content"].to_pylist())
    assert len(after - before) == len(before - after) == 1


def test_thousands_of_files_are_several_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.embeddings.found_files._MOST", 4)
    for number in range(10):
        (tmp_path / f"{number}.jpg").write_bytes(bytes([number]))
    found = FoundFiles.below(tmp_path)
    assert [len(shard.numbers) for shard in found.shards] == [4, 4, 2]
    last = found.only(2)
    assert last.shards[0].fingerprint == found.shards[2].fingerprint
    assert [path.name for path in last.paths] == ["8.jpg", "9.jpg"]
    assert last.shards[0].numbers.tolist() == [0, 1]


def test_date_of_a_photograph_is_a_column_of_files_and_of_records(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2015:08:03 09:30:00"
    for number, (kind, suffix) in enumerate((("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"))):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 48, 3), np.uint8)
        path = photos / "landmark 0" / f"dated.{suffix}"
        Image.fromarray(pixels).save(path, kind, exif=exif.tobytes())
    of_files = embed(Settings(model=model, photos=str(photos)))
    records = build_records(RecordSettings(photos=photos, output=tmp_path / "tfrecords"))
    for output in (of_files, embed(Settings(model=model, records=records))):
        rows = read_embeddings([output]).metadata.to_pylist()
        dated = {row["title"]: row["date"] for row in rows if row["date"]}
        assert dated == {f"landmark 0/dated.{end}": "2015-08-03" for end in ("jpg", "png", "webp")}
    engine = Engine(build_index(IndexSettings(model=model, data=("holiday",))))
    where = filters.parse(["date>=2015-01-01", "title~png|0.jpg"])
    (found,) = engine.search(np.zeros((9, 9, 3), np.uint8), 24, where=where)
    assert (found.photograph.title, found.photograph.date) == ("landmark 0/dated.png", "2015-08-03")


def test_embeddings_of_an_earlier_version_are_refused_and_made_again(
    model: Path, photos: Path
) -> None:
    output = embed(Settings(model=model, photos=str(photos)))
    entry, rows = files.read_entry(output, 0), files.read_rows(output, 0)
    assert entry is not None
    files.write_rows(output, 0, rows.drop_columns("date"), entry)
    with pytest.raises(ValueError, match=r"metadata_0.parquet .* make them again with `python"):
        read_embeddings([output])
    embed(Settings(model=model, photos=str(photos)))
    assert read_embeddings([output]).metadata.select(files.METADATA.names) == rows


NAMES = [f"landmark {number // 100}/{number % 100}.jpg" for number in range(20_000)]


def shards_of(names: list[str]) -> list[tuple[str, ...]]:
    return [tuple(names[place] for place in numbers) for numbers in cut(names)]


def test_cuts_leave_out_nothing_and_no_shard_is_large() -> None:
    assert sum(shards_of(NAMES), ()) == tuple(NAMES)
    sizes = [len(shard) for shard in shards_of(NAMES)]
    assert max(sizes) <= 1000
    assert min(sizes[:-1]) >= 250
    assert 400 < np.mean(sizes) < 600
    assert shards_of(NAMES[:3]) == [tuple(NAMES[:3])]
    assert shards_of([]) == []


@pytest.mark.parametrize("change", ["added", "removed"])
def test_one_file_more_or_less_costs_its_own_shard(change: str) -> None:
    """Also the first of all, after which every position is another."""
    before = set(shards_of(NAMES))
    costs = []
    for place in range(0, len(NAMES), 400):
        rest = NAMES[place + 1 :] if change == "removed" else ["one more.jpg", *NAMES[place:]]
        costs.append(len(set(shards_of(NAMES[:place] + rest)) - before))
    assert costs[0] == 1
    assert np.mean(costs) < 1.2
