import re
from pathlib import Path

import numpy as np
import pytest

from demo.explaining import neighbours
from demo.texts import Explained
from pipeline.answer import Result
from pipeline.descriptions import Descriptions
from pipeline.index.collection import load_collection
from pipeline.index.interface import Collection
from pipeline.stored_photograph import StoredPhotograph
from tests import vector_collections

VECTORS = vector_collections.clusters(20, 12)


@pytest.fixture(params=["flat", "inverted"])
def collection(tmp_path: Path, request: pytest.FixtureRequest) -> Collection:
    rows = vector_collections.photographs(np.repeat(np.arange(20), 12))
    vectors: Descriptions = VECTORS
    if request.param == "inverted":
        words = np.maximum(VECTORS, 0)
        lengths = np.linalg.norm(words, axis=1, keepdims=True)
        vectors = vector_collections.as_bags(words / lengths)
    model = vector_collections.embed(tmp_path / "model", "made", vectors, rows)
    return load_collection(vector_collections.build(model, request.param))


def results(collection: Collection, numbers: range) -> list[Result]:
    ids = [f"photo {number}" for number in numbers]
    columns = list(StoredPhotograph.__dataclass_fields__)
    rows = collection.photographs(collection.keys_of(ids)).select(columns).to_pylist()
    return [
        Result(rank=rank, similarity=0.5, probability=None, photograph=StoredPhotograph(**row))
        for rank, row in enumerate(rows, start=1)
    ]


def test_the_query_lies_among_its_own_landmark(collection: Collection) -> None:
    found = results(collection, range(12))
    own = collection.keys_of(["photo 5"])
    mapped = neighbours.neighbours(collection, collection.vectors(own), found, "photo 5")
    assert len(mapped.found) == len(mapped.results) == 11, "it is mapped once"
    assert len(mapped.others) == 180
    near = np.linalg.norm(mapped.results - mapped.query, axis=1)
    far = np.linalg.norm(mapped.others - mapped.query, axis=1)
    assert np.median(near) < np.quantile(far, 0.1)
    again = neighbours.neighbours(collection, collection.vectors(own), found, "photo 5")
    np.testing.assert_array_equal(again.others, mapped.others)


def test_landmarks_have_signs_of_their_own_as_long_as_there_are_some(
    collection: Collection,
) -> None:
    found = results(collection, range(0, 240, 12))  # of twenty landmarks
    asked = collection.vectors(collection.keys()[:1])
    drawn = neighbours.draw(neighbours.neighbours(collection, asked, found, None))
    assert drawn.count("<li>") == 8
    assert Explained.OTHER_LANDMARKS in drawn
    assert 'landmark "5"' not in drawn, "names are escaped"
    assert "landmark &quot;5&quot;" in drawn
    assert "landmark &quot;6&quot;" not in drawn, "it is among the others"
    numbers = re.findall(r">([^<>]+)</text>", drawn)
    assert set(numbers) <= set("123456789"), "ranks alone, each once, the best"
    assert len(numbers) == len(set(numbers)) > 4


def test_a_collection_of_what_was_found_alone_is_mapped(tmp_path: Path) -> None:
    rows = vector_collections.photographs(np.zeros(2, int))
    model = vector_collections.embed(tmp_path / "model", "made", VECTORS[:2], rows, pairs=1)
    opened = load_collection(vector_collections.build(model, "flat"))
    mapped = neighbours.neighbours(opened, VECTORS[2:3], results(opened, range(2)), None)
    assert mapped.others.shape == (0, 2)
    assert "0 of those that were not found" in neighbours.draw(mapped)
