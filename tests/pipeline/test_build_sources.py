"""Every source of build_records, from its files to records that later stages read."""

import hashlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from models.preprocessing import decode_photograph
from pipeline.build_records import Settings, build_records
from pipeline.data import records
from pipeline.data.record_table import open_records
from pipeline.data.sources import opening
from pipeline.data.training_data import TrainingData
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.embeddings.files import read_embeddings
from tests.landmark_trees import AWKWARD, Member, write_landmark_tree, write_md5
from tests.tiny import Tiny, write_photographs


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whole tars are remembered in the user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def described(folder: Path) -> dict[str, Any]:
    return json.loads((folder / records.MANIFEST).read_text())


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    """All records by id."""
    splits = tfds.builder_from_directory(folder).as_dataset()
    found = [row["image"] for split in splits.values() for row in tfds.as_numpy(split)]
    by_id = {row["id"].decode(): row for row in found}
    assert len(by_id) == len(found)
    return by_id


def assert_recorded(folder: Path, members: list[Member]) -> None:
    found = rows(folder)
    assert found.keys() == {member.id for member in members}
    for member in members:
        row = found[member.id]
        assert row["encoded"] == member.encoded
        assert int(row["class"]["label"]) == member.landmark
        assert row["sha256"].decode() == hashlib.sha256(member.encoded).hexdigest()


@pytest.mark.parametrize("tars", [0, 3])
def test_google_landmarks_parts_become_records_under_their_own_ids(
    tmp_path: Path, tars: int
) -> None:
    members = write_landmark_tree(tmp_path / "gldv2", tars=tars)
    for part in ("train", "index", "test"):
        settings = Settings(
            landmarks_v2=tmp_path / "gldv2",
            part=part,
            output=tmp_path / part,
            split=("index",),
        )
        assert_recorded(build_records(settings), members[part])
    authors = {row["attribution"]["author"].decode() for row in rows(tmp_path / "train").values()}
    assert set(AWKWARD) <= authors
    landmarks = {row["class"]["text"].decode() for row in rows(tmp_path / "index").values()}
    assert landmarks == {"Pont du Gard", "Arènes d'Arles"}
    assert "hierarchical_label" in (tmp_path / "train" / "landmarks.csv").read_text("utf-8")


def test_index_and_test_are_not_divided(tmp_path: Path) -> None:
    write_landmark_tree(tmp_path / "gldv2")
    output = tmp_path / "records"
    build_records(Settings(landmarks_v2=tmp_path / "gldv2", part="index", output=output))
    assert records.split_names(output) == ("index",)


def test_photographs_whose_ids_collide_are_both_found(tiny: Tiny, tmp_path: Path) -> None:
    """Two of the index's ids are train's too, of other photographs: none is lost or mistaken."""
    members = write_landmark_tree(tmp_path / "gldv2", tars=2)
    assert {m.id for m in members["train"]} & {m.id for m in members["index"]}
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    folders = []
    for part in ("train", "index"):
        settings = Settings(
            landmarks_v2=tmp_path / "gldv2",
            part=part,
            output=tmp_path / part,
            split=("index",),
        )
        folders.append(embed(EmbedSettings(model=model, records=build_records(settings))))
    both = read_embeddings(folders)
    assert len(both.vectors) == len(members["train"]) + len(members["index"])


def test_tar_with_a_wrong_md5_is_left_out_named_and_taken_in_once_it_is_mended(
    tmp_path: Path,
) -> None:
    members = write_landmark_tree(tmp_path / "gldv2", tars=3)["train"]
    write_md5(tmp_path / "gldv2", "train", 1, md5="0" * 32)
    settings = Settings(
        landmarks_v2=tmp_path / "gldv2", output=tmp_path / "records", split=("train",)
    )
    build_records(settings)
    assert_recorded(tmp_path / "records", members[0::3] + members[2::3])
    (skipped,) = [
        one for one in described(settings.output)["skipped"] if "images_001" in one["name"]
    ]
    assert "--redownload" in skipped["reason"]
    write_md5(tmp_path / "gldv2", "train", 1)
    assert_recorded(build_records(settings), members)


def test_kaggle_triplets_become_photographs_pseudo_landmarks_and_an_index(
    triplet_files: list[Path], tmp_path: Path
) -> None:
    pattern = str(triplet_files[0].parent / "train*.tfrec")
    output = build_records(Settings(triplets=pattern, output=tmp_path / "records"))
    assert described(output)["photographs"] == 15
    table = open_records(output, "train")
    # Five triplets of their own: five pseudo-landmarks of anchor and positive, one held out; the
    # negatives, which no pair joins to anything, stay with the training photographs.
    assert sorted(table.labels) == [-1] * 5 + sorted(np.repeat(np.unique(table.labels)[1:], 2))
    assert table.ids.tolist() == table.contents.tolist()
    data = TrainingData.recorded_triplets(output, "train", batch=4)
    ((anchor, positive, negative), *_) = data.order(0, 1)[0]
    assert table.labels[anchor] == table.labels[positive] >= 0
    assert table.labels[negative] == -1
    assert data.order(0, 1).shape == (1, 4, 3)


def test_finished_records_of_triplets_are_known_without_reading_the_triplets(
    triplet_files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [Path(shutil.copy(path, tmp_path)) for path in triplet_files]
    settings = Settings(triplets=str(tmp_path / "train*.tfrec"), output=tmp_path / "records")
    build_records(settings)
    with monkeypatch.context() as patched:
        patched.setattr(opening, "KaggleTripletsSource", None)
        build_records(settings)
    files[1].unlink()
    assert described(build_records(settings))["photographs"] == 9


def test_records_without_triplets_say_how_to_get_them(tiny: Tiny) -> None:
    with pytest.raises(FileNotFoundError, match=r"came without triplets.*--triplets="):
        TrainingData.recorded_triplets(tiny.records, "train", batch=4)


def test_delf_records_become_records(labelled_records: Path, tmp_path: Path) -> None:
    """Ours are such records too, but for the keys that DELF's have not."""
    validation = [shard.path for shard in records.list_shards(labelled_records, "validation")]
    with tf.io.TFRecordWriter(str(tmp_path / "train-00000-of-00001")) as writer:
        for record in tf.data.TFRecordDataset(list(map(str, validation))).as_numpy_iterator():
            example = tf.train.Example.FromString(record)
            for key in [*example.features.feature]:
                if key in ("image/sha256", "image/provenance") or "text" in key or "/attr" in key:
                    del example.features.feature[key]
            writer.write(example.SerializeToString())
    settings = Settings(
        delf_records=str(tmp_path / "train-*"), output=tmp_path / "delf", split=("index",)
    )
    output = build_records(settings)
    original = rows(labelled_records)
    found = rows(output)
    assert len(found) == 6
    for photograph_id, row in found.items():
        assert row["encoded"] == original[photograph_id]["encoded"]
        assert row["class"]["label"] == original[photograph_id]["class"]["label"]


@pytest.mark.parametrize("flag", ["tfds", "delf_records"])
def test_records_of_this_system_are_no_source(
    labelled_records: Path, tmp_path: Path, flag: str
) -> None:
    named = {"tfds": str(labelled_records), "delf_records": f"{labelled_records}/*.tfrecord-*"}
    settings = Settings(output=tmp_path / "out", **{flag: named[flag]})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"records? of this system.*--records"):
        build_records(settings)


def test_same_photographs_make_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """A rebuild must not disown what was made of the records."""
    write_photographs(tmp_path / "photos", landmarks=3, photographs=4)
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    build_records(Settings(photos=tmp_path / "photos", output=here))
    flags = [f"--photos={tmp_path / 'photos'}", f"--output={elsewhere}"]
    command = [sys.executable, "-m", "pipeline.build_records", *flags]
    subprocess.run(command, check=True, capture_output=True)
    contents = [
        {shard.path.name: shard.path.read_bytes() for shard in records.list_shards(output)}
        for output in (here, elsewhere)
    ]
    assert contents[0] == contents[1]


def test_photograph_under_two_landmarks_is_told_of(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", landmarks=2, photographs=2)
    shutil.copy(tmp_path / "photos/landmark 0/0.jpg", tmp_path / "photos/landmark 1/copy.jpg")
    output = build_records(Settings(photos=tmp_path / "photos", output=tmp_path / "records"))
    (skipped,) = described(output)["skipped"]
    assert skipped["reason"] == ("the same bytes as landmark 0/0.jpg, which is of another landmark")


def test_transcoded_photographs_are_upright_counted_and_noted(tmp_path: Path) -> None:
    """A landscape photograph that its EXIF header turns: red above, blue below, once upright."""
    write_photographs(tmp_path / "photos", landmarks=1, photographs=2)
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[:, :16], pixels[:, 16:] = (250, 10, 10), (10, 10, 250)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter to the right it is upright
    for kind in ("HEIF", "TIFF", "WEBP", "JPEG"):
        buffer = io.BytesIO()
        options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
        image = Image.fromarray(pixels[..., ::-1] if kind == "TIFF" else pixels)
        if kind != "HEIF":  # which its container turns, not its EXIF header
            options["exif"] = exif
        image.save(buffer, kind, **options)
        (tmp_path / "photos" / f"{kind}.img").write_bytes(buffer.getvalue())
    output = build_records(Settings(photos=tmp_path / "photos", output=tmp_path / "records"))
    transcoded = described(output)["transcoded"]
    assert sum(transcoded.values()) == 3
    found = {row["attribution"]["title"].decode(): row for row in rows(output).values()}
    for kind in ("TIFF", "WEBP", "JPEG"):
        row = found[f"{kind}.img"]
        assert bool(row["provenance"]) == (kind != "JPEG")
        assert (row["height"], row["width"]) == (32, 24)
        image = decode_photograph(tf.constant(row["encoded"])).numpy().astype(int)
        assert image.shape == (32, 24, 3)
        top, bottom = image[:12].mean((0, 1)), image[20:].mean((0, 1))
        red_above = top[0] > top[2] and bottom[2] > bottom[0]
        assert red_above == (kind != "TIFF"), kind
    heif = (tmp_path / "photos" / "HEIF.img").read_bytes()
    row = found["HEIF.img"]
    assert row["sha256"].decode() == hashlib.sha256(heif).hexdigest(), "of the photograph as found"
    assert row["provenance"].startswith(b"transcoded from HEIF by Pillow")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"photos": "a", "triplets": "b"}, "of one source. Received: --photos and --triplets"),
        ({"download": "gldv3:index"}, "--download is gldv2"),
        ({"download": "kaggle:a/b"}, "needs to know what to make of the files: add --triplets"),
        ({"download": "gldv2:index:0", "part": "train"}, "fetches the part index"),
        ({"download": "gldv2:index:0", "photos": "a"}, "into --download_to.*--photos too"),
        ({"part": "index"}, "--part belongs to --landmarks_v2 or --download=gldv2"),
        ({"photos": "a", "redownload": True}, "--redownload belongs to --landmarks_v2"),
        ({"tfds_split": "test"}, "--tfds_split belongs to --tfds"),
        ({"photos": "a", "city_size": 64}, "--city_size belongs to the synthetic city"),
        ({"beam_options": ("a=b",)}, "--beam_options belongs to --beam_runner"),
        ({"split": ("train", "query")}, "--split=query needs index"),
        ({"landmarks_v2": "tree", "output": "tree/records"}, "lie one within the other"),
    ],
)
def test_what_cannot_go_together_is_refused(changes: dict[str, Any], message: str) -> None:
    paths = ("photos", "landmarks_v2", "output")
    all_of_them: dict[str, Any] = {"output": "records", **changes}
    given: dict[str, Any] = {k: Path(v) if k in paths else v for k, v in all_of_them.items()}
    with pytest.raises(ValueError, match=message):
        Settings(**given)
