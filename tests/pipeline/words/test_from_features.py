"""Photographs described by the local features that are stored of them."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from pipeline.embed import Settings, embed
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.extract import Settings as ExtractSettings
from pipeline.extract import extract
from pipeline.learn_words import Settings as WordSettings
from pipeline.learn_words import learn
from pipeline.words.aggregation import Aggregation

_MOST = 40


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of several sizes, one reduced, a blank one and a damaged one."""
    folder = tmp_path_factory.mktemp("photographs") / "city"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number, sides in enumerate([(60, 80), (90, 70), (80, 80), (75, 1300)]):
        image = np.full((*sides, 3), 128, np.uint8)
        for _ in range(40):
            y, x = (generator.integers(0, side - 20) for side in sides)
            image[y : y + 12, x : x + 9] = generator.integers(0, 255, 3)
        (folder / f"{number}.png").write_bytes(tf.io.encode_png(image).numpy())
    blank = np.full((50, 50, 3), 7, np.uint8)
    (folder / "blank.png").write_bytes(tf.io.encode_png(blank).numpy())
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:200])
    return folder


@pytest.fixture(scope="module")
def sift(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tmp_path_factory.mktemp("exported") / "sift"
    export(ExportSettings(model=model, classical="sift"))
    extract(ExtractSettings(model=model, photos=str(photos), most=_MOST))
    return model


@pytest.fixture(scope="module")
def features(sift: Path) -> Path:
    return sift / "local_features" / "city"


@pytest.fixture(scope="module")
def words(sift: Path) -> Path:
    model = sift.with_name("words")
    return learn(WordSettings(extractor=sift, data=("city",), model=model, words=8))


@pytest.mark.parametrize("aggregation", ["asmk", "tfidf", "vlad"])
def test_stored_features_give_what_the_photographs_give_to_the_bit(
    sift: Path, photos: Path, features: Path, tmp_path: Path, aggregation: Aggregation
) -> None:
    model = tmp_path / "words"
    learn(
        WordSettings(extractor=sift, data=("city",), model=model, aggregation=aggregation, words=8)
    )
    looked = Path(embed(Settings(model=model, photos=str(photos), batch_size=2, name="looked")))
    read = Path(
        embed(Settings(model=model, photos=str(photos), batch_size=3, name="r", features=features))
    )
    for one in sorted(path.relative_to(looked) for path in looked.rglob("*.npy")):
        np.testing.assert_array_equal(np.load(looked / one), np.load(read / one))
    tables = [
        pq.read_table(folder / "metadata" / "metadata_0.parquet") for folder in (looked, read)
    ]
    assert len(tables[0]) == 5
    assert tables[0].equals(tables[1], check_metadata=True)
    assert (looked / "manifest.json").read_text() == (read / "manifest.json").read_text()


def test_a_folder_that_moved_is_told_where_it_is_now(
    words: Path, photos: Path, features: Path, tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(photos, tmp_path / "elsewhere"))
    read = embed(Settings(model=words, photos=str(moved), features=features))
    rows = pq.read_table(Path(read) / "metadata" / "metadata_0.parquet")
    assert {Path(path).parent for path in rows["shard"].to_pylist()} == {moved}


def test_features_of_other_photographs_or_of_another_number_are_refused(
    sift: Path, words: Path, photos: Path, features: Path, tmp_path: Path
) -> None:
    others = Path(shutil.copytree(photos, tmp_path / "others"))
    (others / "0.png").unlink()
    with pytest.raises(ValueError, match=r"has no local features of 1 shards as they are now"):
        embed(Settings(model=words, photos=str(others), features=features))
    fewer = extract(ExtractSettings(model=sift, photos=str(photos), most=_MOST - 1, name="fewer"))
    with pytest.raises(ValueError, match=rf"another --most.*--most={_MOST}"):
        embed(Settings(model=words, photos=str(photos), name="a", features=Path(fewer)))
    with pytest.raises(FileNotFoundError, match=r"pipeline\.extract"):
        embed(Settings(model=words, photos=str(photos), name="a", features=tmp_path / "none"))


def test_damaged_features_are_told(
    words: Path, photos: Path, features: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(features, tmp_path / "features"))
    array = copy / "features" / "features_0.npy"
    array.write_bytes(array.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"make them again with .*pipeline\.extract"):
        embed(Settings(model=words, photos=str(photos), name="a", features=copy))


def test_what_has_no_words_describes_no_features(
    photos: Path, features: Path, tmp_path: Path
) -> None:
    hog = tmp_path / "hog"
    export(ExportSettings(model=hog, classical="hog"))
    with pytest.raises(ValueError, match="leave --features out"):
        embed(Settings(model=hog, photos=str(photos), features=features))
    with pytest.raises(ValueError, match="leave --cluster out"):
        Settings(model=hog, photos=str(photos), features=features, cluster="auto")
