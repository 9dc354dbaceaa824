from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline import manifest
from pipeline.index import collection
from pipeline.update_index import Settings, update_index
from tests import vector_collections
from tests.vector_collections import clusters, photographs

VECTORS = clusters(20, 4)
LABELS = np.repeat(np.arange(20), 4)
TABLE = photographs(LABELS)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return vector_collections.embed(tmp_path / "model", "made", VECTORS[:60], TABLE.slice(0, 60))


@pytest.fixture(params=["flat", "milvus"])
def index(model: Path, request: pytest.FixtureRequest) -> Path:
    return vector_collections.build(model, request.param)


def held(index: Path) -> list[str]:
    opened = collection.load_collection(index)
    return sorted(opened.photographs(opened.keys())["id"].to_pylist())


def test_what_a_grown_data_set_has_more_is_added(model: Path, index: Path) -> None:
    vector_collections.embed(model, "made", VECTORS, TABLE)
    outcome = update_index(Settings(index=index, add=("made",)))
    assert (outcome.added, outcome.held, outcome.photographs) == (20, 60, 80)
    assert held(index) == sorted(TABLE["id"].to_pylist())
    again = update_index(Settings(index=index, add=("made",)))
    assert (again.added, again.held, again.photographs) == (0, 80, 80)


def test_an_index_that_has_grown_is_one_built_of_all(model: Path, index: Path) -> None:
    other = photographs(LABELS[60:], first=0)  # ids that the first data set has too
    other = other.set_column(1, "content", [[f"other {n}" for n in range(20)]])
    vector_collections.embed(model, "more", VECTORS[60:], other)
    outcome = update_index(Settings(index=index, add=("more",)))
    assert (outcome.added, outcome.photographs) == (20, 80)
    assert "more/photo 3" in held(index)
    grown = collection.load_collection(index)
    whole = collection.load_collection(vector_collections.build(model, "flat", data="made,more"))
    for opened in (grown, whole):
        assert opened.manifest["data"] == ["made", "more"]
    rows = [sorted(map(str, one.photographs(one.keys()).to_pylist())) for one in (grown, whole)]
    assert rows[0] == rows[1]


def test_a_photograph_that_has_changed_is_replaced(model: Path, index: Path) -> None:
    changed = TABLE.slice(0, 60)
    contents = changed["content"].to_pylist()
    contents[5] = "of another picture"
    changed = changed.set_column(1, "content", [contents])
    vectors = VECTORS[:60].copy()
    vectors[5] *= -1
    vector_collections.embed(model, "made", vectors, changed)
    outcome = update_index(Settings(index=index, add=("made",)))
    assert (outcome.added, outcome.replaced, outcome.held) == (0, 1, 59)
    opened = collection.load_collection(index)
    _, keys = opened.search(vectors[5:6], 1)
    assert opened.photographs(keys[0])["id"].to_pylist() == ["photo 5"]


def test_photographs_are_removed_by_id_or_from_a_list(
    model: Path, index: Path, tmp_path: Path
) -> None:
    (tmp_path / "ids.txt").write_text("photo 1\n\nphoto 2\n")
    settings = Settings(index=index, remove=("photo 1",), remove_list=tmp_path / "ids.txt")
    assert update_index(settings).removed == 2
    assert len(held(index)) == 58
    with pytest.raises(ValueError, match="'photo 1'"):
        update_index(settings)
    assert len(held(index)) == 58
    with pytest.raises(FileNotFoundError, match="--remove_list"):
        update_index(Settings(index=index, remove_list=tmp_path / "none.txt"))


def test_vectors_of_another_model_are_refused_with_both_named(model: Path, index: Path) -> None:
    described = manifest.read_json(model / "embeddings" / "made" / "manifest.json", "")
    vector_collections.embed(model, "foreign", VECTORS[60:], TABLE.slice(60))
    path = model / "embeddings" / "foreign" / "manifest.json"
    manifest.write_json(path, {**described, "model_fingerprint": "e" * 64})
    with pytest.raises(ValueError, match=r"of one model.*f{12}.*e{12}"):
        update_index(Settings(index=index, add=("foreign",)))
    manifest.write_json(model / "model.json", {"fingerprint": "d" * 64})
    with pytest.raises(ValueError, match=r"f{12}.*d{12}"):
        update_index(Settings(index=index, remove=("photo 1",)))
    assert len(held(index)) == 60


def test_something_is_to_be_done() -> None:
    with pytest.raises(ValueError, match="--add or to --remove"):
        Settings(index=Path("index"))


def test_what_was_changed_is_not_built_away(tmp_path: Path) -> None:
    vectors = vector_collections.clusters(20, 10)
    rows = vector_collections.photographs(np.repeat(np.arange(20), 10))
    model = vector_collections.embed(tmp_path, "made", vectors, rows)
    folder = vector_collections.build(model, "ivf")
    update_index(Settings(index=folder, remove=("photo 1",)))
    assert vector_collections.build(model, "ivf") == folder, "it is finished"
    with pytest.raises(ValueError, match=r"has been changed by pipeline\.update_index .*overwrite"):
        vector_collections.build(model, "ivf", recall=0.8)
    assert len(collection.load_collection(folder)) == 199
    vector_collections.build(model, "ivf", recall=0.8, overwrite=True)
    assert len(collection.load_collection(folder)) == 200


def test_a_corrected_landmark_and_swapped_photographs_are_replaced(tmp_path: Path) -> None:
    vectors = vector_collections.clusters(20, 10)
    rows = vector_collections.photographs(np.repeat(np.arange(20), 10))
    model = vector_collections.embed(tmp_path, "made", vectors, rows)
    folder = vector_collections.build(model, "flat")
    landmarks = rows["landmark"].to_pylist()
    landmarks[5] = "the right one"
    contents = rows["content"].to_pylist()
    contents[20], contents[170] = contents[170], contents[20]
    vectors[[20, 170]] = vectors[[170, 20]]
    for name, values in (("landmark", landmarks), ("content", contents)):
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(values))
    vector_collections.embed(tmp_path, "made", vectors, rows)
    outcome = update_index(Settings(index=folder, add=("made",)))
    assert (outcome.added, outcome.replaced, outcome.held) == (0, 3, 197)
    opened = collection.load_collection(folder)
    keys = opened.keys_of(["photo 5", "photo 20"])
    assert opened.photographs(keys)["landmark"].to_pylist()[0] == "the right one"
    np.testing.assert_allclose(opened.vectors(keys)[1], vectors[20], atol=1e-6)
