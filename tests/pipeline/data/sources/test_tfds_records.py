import contextlib
import io
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from pipeline.data import records
from pipeline.data.records import Photograph
from pipeline.data.sources.source import SourcePhotograph
from pipeline.data.sources.tfds_records import TfdsSource

PHOTO = tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg")
CLASSES = tfds.features.ClassLabel(names=["Aliados", "Sé"])
Rows = list[dict[str, Any]]
Build = Callable[..., Path]


class Squares(tfds.core.GeneratorBasedBuilder):
    """A data set of any features, found by the name "squares"."""

    VERSION = tfds.core.Version("1.0.0")
    FEATURES: tfds.features.FeaturesDict
    KEYS: tuple[str, str] | None
    ROWS: Rows

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self, features=self.FEATURES, supervised_keys=self.KEYS
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        del dl_manager
        return {"train": self._generate_examples(), "test": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(self.ROWS)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Writes a data set in two shards a split, and gives the folder of its version."""

    def write(features: dict[str, Any], rows: Rows, keys: tuple[str, str] | None = None) -> Path:
        monkeypatch.setattr(
            Squares, "FEATURES", tfds.features.FeaturesDict(features), raising=False
        )
        monkeypatch.setattr(Squares, "KEYS", keys, raising=False)
        monkeypatch.setattr(Squares, "ROWS", rows, raising=False)
        builder = Squares(data_dir=str(tmp_path))
        config = tfds.download.DownloadConfig(num_shards=2)
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_config=config)
        return Path(builder.data_dir)

    return write


def jpeg(shade: int) -> bytes:
    return tf.io.encode_jpeg(np.full((6, 8, 3), shade, np.uint8)).numpy()


def labelled(count: int) -> Rows:
    """Photographs whose shade tells their label, which alternates."""
    return [{"image": io.BytesIO(jpeg(10 * n)), "label": n % 2} for n in range(count)]


def read(source: TfdsSource, *numbers: int) -> list[SourcePhotograph]:
    found = source.read(np.array(numbers or range(len(source.labels))))
    return [item for item in found if isinstance(item, SourcePhotograph)]


def test_photographs_keep_their_own_bytes_and_labels(build: Build) -> None:
    folder = build({"image": PHOTO, "label": CLASSES}, labelled(9))
    source = TfdsSource(str(folder), "train")
    assert source.names == {0: "Aliados", 1: "Sé"}
    assert source.labels.dtype == np.int64
    photographs = read(source)
    assert sorted(photograph.encoded for photograph in photographs) == sorted(
        jpeg(10 * n) for n in range(9)
    )
    for photograph, label in zip(photographs, source.labels, strict=True):
        shade = tf.io.decode_jpeg(photograph.encoded).numpy()[0, 0, 0]
        assert photograph.label == label == round(shade / 10) % 2
        assert photograph.landmark == source.names[label]
    assert photographs[4].name == "squares/1.0.0, train, example 4"


def test_some_photographs_are_read_without_the_others(build: Build) -> None:
    source = TfdsSource(str(build({"image": PHOTO, "label": CLASSES}, labelled(9))), "train")
    everything = read(source)
    assert read(source, 1, 2, 7) == [everything[1], everything[2], everything[7]]


def test_data_set_is_found_by_name_and_by_slice(build: Build) -> None:
    data_dir = build({"image": PHOTO, "label": CLASSES}, labelled(8)).parent.parent
    assert len(TfdsSource("squares", "test[:50%]", data_dir).labels) == 4
    assert len(TfdsSource("squares", "train+test", data_dir).labels) == 16


def test_named_data_set_that_is_not_there_yet_is_prepared(build: Build, tmp_path: Path) -> None:
    build({"image": PHOTO, "label": CLASSES}, labelled(4))
    with contextlib.redirect_stdout(io.StringIO()):
        source = TfdsSource("squares", "train", tmp_path / "another")
    assert len(read(source)) == 4


def test_image_and_label_are_found_by_type_however_they_are_called(build: Build) -> None:
    features = {"view": {"photo": PHOTO}, "what": {"landmark": CLASSES}, "size": tf.int64}
    row = {"view": {"photo": io.BytesIO(jpeg(50))}, "what": {"landmark": 1}, "size": 9}
    source = TfdsSource(str(build(features, [row] * 2)), "train")
    assert source.labels.tolist() == [1, 1]
    assert read(source)[0].encoded == jpeg(50)


def test_whole_number_serves_as_label_where_there_are_no_classes(build: Build) -> None:
    rows = [{"image": io.BytesIO(jpeg(50)), "place": place} for place in (4, -7)]
    source = TfdsSource(str(build({"image": PHOTO, "place": tf.int64}, rows)), "train")
    assert sorted(source.labels) == [-1, 4]
    assert source.names == {4: "4"}
    assert {photograph.landmark for photograph in read(source)} == {"4", ""}


def test_of_several_the_data_set_s_own_choice_is_taken(build: Build) -> None:
    features = {"image": PHOTO, "thumbnail": PHOTO, "label": CLASSES, "weather": CLASSES}
    row = {
        "image": io.BytesIO(jpeg(50)),
        "thumbnail": io.BytesIO(jpeg(200)),
        "label": 1,
        "weather": 0,
    }
    source = TfdsSource(str(build(features, [row] * 2, ("image", "label"))), "train")
    assert source.labels.tolist() == [1, 1]
    assert read(source)[0].encoded == jpeg(50)


@pytest.mark.parametrize(
    ("features", "counts"),
    [
        ({"one": PHOTO, "two": PHOTO, "label": CLASSES}, "2 and 1"),
        ({"one": PHOTO, "label": CLASSES, "weather": CLASSES}, "1 and 2"),
        ({"one": PHOTO, "title": tf.string}, "1 and 0"),
        ({"label": CLASSES, "title": tf.string}, "0 and 1"),
        (
            {"one": tfds.features.Image(shape=(6, 8, 1), dtype=tf.float32), "label": CLASSES},
            "0 and",
        ),
    ],
)
def test_none_or_several_to_choose_from_are_refused_with_what_is_there(
    build: Build, features: dict[str, Any], counts: str
) -> None:
    def value(key: str) -> Any:
        if key in ("one", "two"):
            is_float = features[key] is not PHOTO
            return np.zeros((6, 8, 1), np.float32) if is_float else io.BytesIO(jpeg(50))
        return "Sé" if key == "title" else 0

    folder = build(features, [{key: value(key) for key in features}] * 2)
    with pytest.raises(ValueError, match=f"it has {counts}.* among: ") as refused:
        TfdsSource(str(folder), "train")
    assert all(key in str(refused.value) for key in features)


def test_records_of_this_system_are_refused_with_a_hint(tmp_path: Path) -> None:
    photograph = Photograph(
        id="00a1", sha256="00", encoded=jpeg(50), format="JPEG", height=6, width=8
    )
    records.write_shards({"train": [photograph]}, tmp_path, shards=1)
    with pytest.raises(ValueError, match=r"records of this system; name its folder"):
        TfdsSource(str(tmp_path), "train")


@pytest.mark.parametrize("split", ["validation", "train+validation", "train["])
def test_unknown_split_is_told_which_there_are(build: Build, split: str) -> None:
    folder = build({"image": PHOTO, "label": CLASSES}, labelled(4))
    with pytest.raises(ValueError, match=r"has the splits t.*, t.*\. Received: "):
        TfdsSource(str(folder), split)


def test_empty_slice_is_refused(build: Build) -> None:
    folder = build({"image": PHOTO, "label": CLASSES}, labelled(4))
    with pytest.raises(ValueError, match=r"The split train\[:0\] of .* is empty"):
        TfdsSource(str(folder), "train[:0]")


def test_unknown_data_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--tfds=no_such_thing is neither a folder nor"):
        TfdsSource("no_such_thing", "train", tmp_path)
    with pytest.raises(ValueError, match=r"holds no dataset_info.json"):
        TfdsSource(str(tmp_path), "train")


def test_damaged_file_is_refused_with_the_folder(build: Build) -> None:
    folder = build({"image": PHOTO, "label": CLASSES}, labelled(4))
    for path in folder.glob("*train*"):
        path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"squares/1.0.0, train has a damaged file in .*; delete"):
        TfdsSource(str(folder), "train")


def test_fingerprint_tells_of_a_changed_file(build: Build) -> None:
    folder = build({"image": PHOTO, "label": CLASSES}, labelled(4))
    before = TfdsSource(str(folder), "train").fingerprint
    assert TfdsSource(str(folder), "train").fingerprint == before
    (folder / "features.json").write_bytes((folder / "features.json").read_bytes() + b"\n")
    assert TfdsSource(str(folder), "train").fingerprint != before


def test_source_can_be_sent_to_another_process(build: Build) -> None:
    source = TfdsSource(str(build({"image": PHOTO, "label": CLASSES}, labelled(4))), "train")
    assert read(pickle.loads(pickle.dumps(source))) == read(source)
