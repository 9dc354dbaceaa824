import hashlib
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.data import records
from pipeline.data.records import Photograph
from pipeline.data.shards import read_record, scan_records
from pipeline.descriptors import SavedDescriptor
from pipeline.embed import Settings, embed
from pipeline.embeddings import files
from pipeline.embeddings.files import read_embeddings
from pipeline.embeddings.pairs import Pairs
from pipeline.export import export
from tests.tiny import Tiny, change_model, tiny_export, write_photographs


def _model_copy(tiny: Tiny, tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("embeddings", "indexes")
    return Path(shutil.copytree(tiny.model, tmp_path / "model", ignore=ignored))


def _bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_each_vector_is_that_of_the_photograph_its_row_points_to(tiny: Tiny) -> None:
    embedded = read_embeddings([tiny.embeddings])
    files = []
    for row in embedded.metadata.to_pylist():
        record = read_record(Path(row["shard"]), row["offset"])
        parsed = records.parse_photograph(tf.constant(record))
        assert parsed["image/id"].numpy().decode() == row["id"]
        assert row["landmark"] == row["title"].split("/")[0]
        files.append(parsed["image/encoded"].numpy())
    assert len(files) == 24
    np.testing.assert_allclose(
        embedded.vectors, SavedDescriptor(tiny.model).describe_files(files), atol=1e-5
    )


def test_photographs_of_many_sizes_that_keep_their_aspect_ratio_keep_their_places(
    tiny: Tiny, tmp_path: Path
) -> None:
    """Those of one size are described together, whatever stands between them."""
    model = _model_copy(tiny, tmp_path)
    export(tiny_export(model, keep_aspect=True, scales=("1", "2"), overwrite=True))
    photos = tmp_path / "photos"
    photos.mkdir()
    coarse = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), np.uint8)
    for number, sides in enumerate(((60, 90), (90, 60), (60, 90), (80, 80), (40, 160), (60, 90))):
        pixels = tf.image.resize(coarse[number], sides, "nearest")
        tf.io.write_file(str(photos / f"{number}.jpg"), tf.io.encode_jpeg(pixels))
    embed(Settings(model=model, photos=str(photos), batch_size=4))
    embedded = read_embeddings([model / "embeddings" / "photos"])
    assert embedded.metadata["title"].to_pylist() == [f"{number}.jpg" for number in range(6)]
    descriptor = SavedDescriptor(model)
    for number, vector in enumerate(embedded.vectors):
        alone = descriptor.describe_files([(photos / f"{number}.jpg").read_bytes()])
        np.testing.assert_allclose(vector, alone[0], atol=1e-5)


def test_layout_is_the_one_that_clip_retrieval_reads(tiny: Tiny) -> None:
    shards = records.list_shards(tiny.records)
    for number, shard in enumerate(shards):
        vectors = np.load(tiny.embeddings / "img_emb" / f"img_emb_{number}.npy")
        rows = pq.read_table(tiny.embeddings / "metadata" / f"metadata_{number}.parquet")
        assert vectors.shape == (len(rows), 16)
        assert len(rows) == shard.count
        assert rows["shard"].to_pylist() == [str(shard.path)] * shard.count


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(model=_model_copy(tiny, tmp_path), records=tiny.records)
    described: list[int] = []
    describe_prepared = SavedDescriptor.describe_prepared

    def interrupted(self: SavedDescriptor, images: tuple[tf.Tensor, ...]) -> np.ndarray:
        if len(described) == 2:
            raise KeyboardInterrupt
        described.append(len(images[0]))
        return describe_prepared(self, images)

    monkeypatch.setattr(SavedDescriptor, "describe_prepared", interrupted)
    with pytest.raises(KeyboardInterrupt):
        embed(settings)
    monkeypatch.setattr(SavedDescriptor, "describe_prepared", describe_prepared)
    finished = {
        path: path.stat().st_mtime_ns for path in (tmp_path / "model").rglob("img_emb_*.npy")
    }
    assert len(finished) == 2, "a shard is one batch here, so two were finished"
    with pytest.raises(FileNotFoundError, match=r"manifest.json is missing; make it with"):
        read_embeddings([settings.model / "embeddings" / tiny.records.name])
    resumed = Path(embed(settings))
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    whole = Path(embed(Settings(model=settings.model, records=settings.records, overwrite=True)))
    assert _bytes(resumed) == _bytes(whole)


def test_a_run_that_was_killed_amid_changed_records_is_not_taken_for_whole(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest of the run before does not tell of what is there now."""
    settings = Settings(model=_model_copy(tiny, tmp_path), records=tiny.records)
    output = Path(embed(settings))
    before = (output / "manifest.json").read_bytes()
    files.remove_pair(output, 0)
    with monkeypatch.context() as killed:
        killed.setattr(Pairs, "write_pair", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            embed(settings)
    assert not (output / "manifest.json").exists()
    embed(settings)
    files.write_rows(output, 0, files.read_rows(output, 0), {})
    (output / "manifest.json").write_bytes(before)
    with pytest.raises(ValueError, match=r"are not those that .*manifest.json tells of"):
        read_embeddings([output])


def _interrupt(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_another_model_may_not_go_on_with_the_embeddings_of_one(tiny: Tiny, tmp_path: Path) -> None:
    model = _model_copy(tiny, tmp_path)
    settings = Settings(model=model, records=tiny.records)
    embed(settings)
    change_model(model)
    with pytest.raises(ValueError, match=r"was made by the model \w{12}, not by .*--overwrite"):
        embed(settings)


def test_a_shard_that_was_built_anew_is_described_anew(tiny: Tiny, tmp_path: Path) -> None:
    model = _model_copy(tiny, tmp_path)
    for seed in (1, 2):
        shutil.rmtree(tmp_path / "photos", ignore_errors=True)
        write_photographs(tmp_path / "photos", landmarks=2, photographs=3, seed=seed)
        folder = build_records(
            RecordSettings(
                photos=tmp_path / "photos",
                output=tmp_path / "squares",
                split=("index",),
                overwrite=True,
            )
        )
        output = Path(embed(Settings(model=model, records=folder)))
        ids = set(read_embeddings([output]).metadata["id"].to_pylist())
        labelled = {row.decode() for row in _ids(folder)}
        assert ids == labelled


def _ids(folder: Path) -> list[bytes]:
    paths = [str(shard.path) for shard in records.list_shards(folder)]
    dataset = tf.data.TFRecordDataset(paths).map(records.parse_photograph)
    return [row["image/id"] for row in dataset.as_numpy_iterator()]


def test_a_damaged_photograph_is_left_out_and_listed(tiny: Tiny, tmp_path: Path) -> None:
    good = (tiny.photos / "landmark 0" / "0.jpg").read_bytes()
    contents = {"a": good, "b": good[:200], "c": good + b"\0"}
    photographs = [
        Photograph(
            id=name,
            sha256=hashlib.sha256(encoded).hexdigest(),
            encoded=encoded,
            format="JPEG",
            height=40,
            width=48,
        )
        for name, encoded in contents.items()
    ]
    records.write_shards({"index": photographs}, tmp_path / "records", shards=1)
    model = _model_copy(tiny, tmp_path)
    settings = Settings(model=model, records=tmp_path / "records")
    for _ in range(2):  # what is finished is counted with what it had left out
        output = Path(embed(settings))
        assert sorted(read_embeddings([output]).metadata["id"].to_pylist()) == ["a", "c"]
        described = files.read_manifest(output)
        assert (described["photographs"], described["skipped"]) == (2, 1)
    (damaged,) = described["shards"][0]["skipped"]
    (shard,) = records.list_shards(tmp_path / "records")
    path, byte = damaged["photograph"].split(", byte ")
    assert path == str(shard.path)
    record = records.parse_photograph(tf.constant(read_record(shard.path, int(byte))))
    assert record["image/id"] == b"b"
    assert "JPEG" in damaged["reason"]


def test_a_wrong_checksum_costs_one_photograph(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.records, tmp_path / "squares"))
    shard = records.list_shards(folder, "train")[0]
    content = bytearray(shard.path.read_bytes())
    content[scan_records(shard.path).offsets[3] - 1] ^= 1  # of the third one's checksum
    shard.path.write_bytes(content)
    model = _model_copy(tiny, tmp_path)
    output = Path(embed(Settings(model=model, records=folder)))
    described = files.read_manifest(output)
    (lost,) = described["lost"]
    assert lost["photograph"].startswith(f"{shard.path}, byte ")
    assert (lost["reason"], described["skipped"]) == ("its checksum is wrong", 1)
    assert len(read_embeddings([output]).vectors) == 23


def test_embeddings_of_an_earlier_version_are_made_again(tiny: Tiny, tmp_path: Path) -> None:
    """Their photographs are not known by content."""
    model = _model_copy(tiny, tmp_path)
    output = Path(embed(Settings(model=model, records=tiny.records)))
    for path in output.glob("metadata/*"):
        table = pq.read_table(path)
        metadata = table.schema.metadata
        pq.write_table(table.drop_columns("content").replace_schema_metadata(metadata), path)
    with pytest.raises(ValueError, match=r"make them again with"):
        read_embeddings([output])
    embed(Settings(model=model, records=tiny.records))
    assert len(read_embeddings([output]).vectors) == 24


def test_records_of_the_same_name_elsewhere_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    model = _model_copy(tiny, tmp_path)
    folder = Path(shutil.copytree(tiny.records, tmp_path / tiny.records.name))
    embed(Settings(model=model, records=tiny.records))
    with pytest.raises(
        ValueError, match=r"describes .*, not .*; give one of the two another --name"
    ):
        embed(Settings(model=model, records=folder))
    output = Path(embed(Settings(model=model, records=folder, overwrite=True)))
    shards = read_embeddings([output]).metadata["shard"].to_pylist()
    assert {Path(shard).parent for shard in shards} == {folder}
    (tmp_path / "further").mkdir()
    moved = folder.rename(tmp_path / "further" / folder.name)
    output = Path(embed(Settings(model=model, records=moved)))
    shards = read_embeddings([output]).metadata["shard"].to_pylist()
    assert {Path(shard).parent for shard in shards} == {moved}, "the page reads photographs there"


def test_the_folder_one_stands_in_has_a_name_too(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.records)
    model = _model_copy(tiny, tmp_path)
    output = Path(embed(Settings(model=model, records=Path(), overwrite=True)))
    assert output == model / "embeddings" / tiny.records.name


def test_files_of_shards_that_are_gone_are_removed(tiny: Tiny, tmp_path: Path) -> None:
    model = _model_copy(tiny, tmp_path)
    write_photographs(tmp_path / "photos", landmarks=2, photographs=4)
    for shards in (3, 1):
        folder = build_records(
            RecordSettings(
                photos=tmp_path / "photos",
                output=tmp_path / "squares",
                split=("index",),
                shards=shards,
                overwrite=True,
            )
        )
        output = Path(embed(Settings(model=model, records=folder)))
        assert len(list(output.glob("img_emb/*"))) == shards
        assert len(list(output.glob("metadata/*"))) == shards


def test_a_cut_shard_yields_its_whole_records(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.records, tmp_path / "squares"))
    shard = records.list_shards(folder)[0].path
    offsets = scan_records(shard).offsets
    shard.write_bytes(shard.read_bytes()[: offsets[-2] + 100])
    model = _model_copy(tiny, tmp_path)
    output = Path(embed(Settings(model=model, records=folder)))
    assert files.read_manifest(output)["skipped"] == 2
    assert len(read_embeddings([output]).vectors) == 22


def test_photographs_of_one_id_in_two_data_sets_get_ids_of_their_own(
    tiny: Tiny, tmp_path: Path
) -> None:
    """Google Landmarks' index has ids that its train split has too."""
    model = _model_copy(tiny, tmp_path)
    folders = []
    for landmark in (0, 1):
        encoded = (tiny.photos / f"landmark {landmark}" / "0.jpg").read_bytes()
        photograph = Photograph(
            id="0123456789abcdef",
            sha256=hashlib.sha256(encoded).hexdigest(),
            encoded=encoded,
            format="JPEG",
            height=40,
            width=48,
        )
        folder = tmp_path / "tfrecords" / str(landmark)
        records.write_shards({"index": [photograph]}, folder, shards=1)
        folders.append(embed(Settings(model=model, records=folder)))
    both = read_embeddings(folders)
    assert both.metadata["id"].to_pylist() == ["0123456789abcdef", "1/0123456789abcdef"]
    assert both.duplicates == 0


def test_several_data_sets_keep_their_landmarks_apart(tiny: Tiny, tmp_path: Path) -> None:
    model = _model_copy(tiny, tmp_path)
    folders = []
    for name, seed in (("first", 7), ("second", 8)):
        write_photographs(tmp_path / name / "photos", landmarks=2, photographs=2, seed=seed)
        folder = build_records(
            RecordSettings(
                photos=tmp_path / name / "photos",
                output=tmp_path / "tfrecords" / name,
                split=("index",),
            )
        )
        folders.append(embed(Settings(model=model, records=folder)))
    both = read_embeddings(folders)
    assert len(np.unique(both.labels)) == 4
    assert np.bincount(np.unique(both.labels, return_inverse=True)[1]).tolist() == [2] * 4
    first = read_embeddings(folders[:1])
    np.testing.assert_array_equal(both.labels[:4], first.labels, "which stay as they are")
    twice = read_embeddings([folders[0], folders[0]])
    assert twice.duplicates == 4
    assert len(twice.vectors) == 4
