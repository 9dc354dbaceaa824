"""What several tests read: labelled records, Kaggle's triplets, a tiny indexed collection."""

import pipeline  # noqa: F401, I001  # first, so that TensorFlow starts quietly

import gc
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.export import export
from pipeline.train import train
from tests.tiny import Tiny, tiny_export, tiny_training, write_photographs
from pipeline.data import records
from pipeline.data.records import Photograph

# Modules that take longest, the longest first; the others follow in their own order.
_LONGEST = (
    "tests/test_readme.py",
    "tests/pipeline/training/test_joint_run.py",
    "tests/pipeline/test_export.py",
    "tests/pipeline/training/test_trainer.py",
    "tests/pipeline/test_train.py",
    "tests/pipeline/test_train_local.py",
    "tests/pipeline/embeddings/test_on_cluster.py",
    "tests/pipeline/test_evaluate.py",
    "tests/pipeline/test_quickstart.py",
    "tests/pipeline/test_clean_environment.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with what takes longest, so that no worker ends up with a long module alone."""
    names = [item.nodeid.split("::")[0] for item in items]
    places = [_LONGEST.index(name) if name in _LONGEST else len(_LONGEST) for name in names]
    items[:] = [items[number] for number in np.argsort(places, kind="stable")]


def pytest_collection_finish() -> None:
    """Leaves what is imported out of every later collection of garbage.

    Of an export, which collects graphs, it took a tenth.
    """
    gc.collect()
    gc.freeze()


def _photograph(label: int, number: int) -> Photograph:
    """Four coloured squares that belong to the landmark, with noise of their own, 40 x 48."""
    colours = np.random.default_rng(label + 1).integers(30, 226, (2, 2, 3))
    noise = np.random.default_rng((label + 1, number)).integers(-20, 21, (40, 48, 3))
    pixels = np.kron(colours, np.ones((20, 24, 1), int)) + noise
    encoded = tf.io.encode_jpeg(pixels.astype(np.uint8), quality=90).numpy()
    return Photograph(
        id=f"{label + 1:08x}{number:08x}",
        sha256=hashlib.sha256(encoded).hexdigest(),
        encoded=encoded,
        format="JPEG",
        height=40,
        width=48,
        landmark="" if label < 0 else f"landmark {label}",
        label=label,
        author="A. Photographer",
        title=f"{label}/{number}.jpg",
    )


def _photographs(counts: dict[int, int]) -> Iterator[Photograph]:
    for label, count in counts.items():
        for number in range(count):
            yield _photograph(label, number)


@pytest.fixture(scope="session")
def labelled_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards a split.

    Train: landmarks 0 to 3 with four photographs each, landmark 4 with one, two photographs
    of no landmark. Validation: landmarks 5 and 6 with three each.
    """
    folder = tmp_path_factory.mktemp("records") / "squares"
    splits = {
        "train": _photographs({0: 4, 1: 4, 2: 4, 3: 4, 4: 1, -1: 2}),
        "validation": _photographs({5: 3, 6: 3}),
    }
    records.write_shards(splits, folder, shards=2)
    return folder


@pytest.fixture(scope="session")
def triplet_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Kaggle's layout: five triplets in two files, every photograph of one colour.

    Red is 40 times the triplet's number; green is 0, 100, 200 of anchor, positive, negative.
    """
    folder = tmp_path_factory.mktemp("triplets")
    paths = [folder / "train00.tfrec", folder / "train01.tfrec"]
    for path, numbers in zip(paths, ([0, 1, 2], [3, 4]), strict=True):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for number in numbers:
                writer.write(_triplet(number))
    return paths


def _triplet(number: int) -> bytes:
    example = tf.train.Example()
    for role, key in enumerate(("anchor_img", "positive_img", "negative_img")):
        pixels = np.full((12, 9, 3), (40 * number, 100 * role, 7), np.uint8)
        encoded = tf.io.encode_png(pixels).numpy()  # unlike a JPEG it keeps the colour exactly
        example.features.feature[key].bytes_list.value.append(encoded)
    return example.SerializeToString()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Six landmarks of four photographs, one held out, through every stage, two shards a split."""
    root = tmp_path_factory.mktemp("tiny")
    write_photographs(root / "photos", landmarks=6, photographs=4)
    records = build_records(
        RecordSettings(photos=root / "photos", output=root / "tfrecords" / "squares", shards=2)
    )
    model = root / "exported" / "model"
    train(tiny_training(model, records))
    export(tiny_export(model))
    embeddings = Path(embed(EmbedSettings(model=model, records=records, batch_size=4)))
    index = build_index(IndexSettings(model=model, data=("squares",)))
    return Tiny(
        photos=root / "photos", records=records, model=model, embeddings=embeddings, index=index
    )
