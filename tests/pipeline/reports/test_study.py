"""What is computed of an index, against plain loops."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline import manifest
from pipeline.index.metric import Metric
from pipeline.recognition import votes
from pipeline.reports import study
from pipeline.scoring.scored_index import ScoredIndex
from tests import vector_collections
from tests.reported import Reported


@pytest.fixture(scope="module")
def index(made: Reported) -> ScoredIndex:
    return ScoredIndex.open(made.index)


def rows_of(index: ScoredIndex) -> np.ndarray:
    return np.arange(len(index.labels))


def test_pairs_are_all_pairs_of_the_labelled(index: ScoredIndex) -> None:
    vectors = np.concatenate(list(index.stored.blocks()))
    labelled = np.flatnonzero(index.labels >= 0)
    expected: dict[bool, list[float]] = {True: [], False: []}
    for one, other in itertools.combinations(labelled.tolist(), 2):
        is_same = bool(index.labels[one] == index.labels[other])
        expected[is_same].append(float(vectors[one] @ vectors[other]))
    found = study.pairs_of(index)
    assert found is not None
    np.testing.assert_allclose(np.sort(found.same), np.sort(expected[True]), atol=1e-6)
    np.testing.assert_allclose(np.sort(found.other), np.sort(expected[False]), atol=1e-6)
    assert (found.photographs, found.landmarks) == (50, 10)


def test_no_landmark_is_more_of_the_sample_than_others(
    index: ScoredIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "_OF_A_LANDMARK", 2)
    monkeypatch.setattr(study, "_PHOTOGRAPHS", 7)
    found = study.pairs_of(index)
    assert found is not None
    assert (found.photographs, found.landmarks) == (8, 4)  # twos until there are seven
    assert len(found.same) == 4


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_similarities_are_those_that_the_index_finds(tmp_path: Path, metric: Metric) -> None:
    vectors = vector_collections.clusters(3, 4)
    rows = vector_collections.photographs(np.repeat(np.arange(3), 4))
    model = vector_collections.embed(tmp_path / "model", "made", vectors, rows)
    opened = ScoredIndex.open(vector_collections.build(model, "flat", metric=metric))
    found = study.similarities(opened, rows_of(opened))
    similarities, keys = opened.collection.search(vectors, len(vectors))
    place = {key: row for row, key in enumerate(opened.keys.tolist())}
    for row, (ranked, values) in enumerate(zip(keys.tolist(), similarities, strict=True)):
        np.testing.assert_allclose(found[row, [place[key] for key in ranked]], values, atol=1e-3)


def test_similarities_of_words_are_those_that_the_inverted_file_finds(tmp_path: Path) -> None:
    vectors = np.maximum(vector_collections.clusters(3, 4), 0)
    vectors[3] = 0
    vectors[3, :2] = 1  # next to no word in common
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = vector_collections.photographs(np.repeat(np.arange(3), 4))
    bags = vector_collections.as_bags(vectors)
    model = vector_collections.embed(tmp_path / "model", "made", bags, rows)
    opened = ScoredIndex.open(vector_collections.build(model, "inverted"))
    found = study.similarities(opened, rows_of(opened))
    np.testing.assert_allclose(found, vectors @ vectors.T, atol=1e-6)


def test_the_first_result_is_never_the_query_itself(index: ScoredIndex) -> None:
    """The most similar other photograph, by a plain loop."""
    rules = votes.rules_of(index.collection.manifest["recognition"])
    assert rules is not None
    vectors = np.concatenate(list(index.stored.blocks()))
    sure, right = [], []
    for row in np.flatnonzero(index.labels >= 0):
        similarities = vectors @ vectors[row]
        similarities[row] = -np.inf
        best = int(similarities.argmax())
        sure.append(float(rules.probabilities(similarities[best : best + 1])[0]))
        right.append(index.labels[best] == index.labels[row])
    expected = study.reliability(np.array(sure), np.array(right))
    found = study.first_results(index)
    assert not isinstance(found, str)
    assert found.counts == expected.counts
    assert found.true == pytest.approx(expected.true)
    assert found.predicted == pytest.approx(expected.predicted, abs=1e-5)
    assert sum(found.counts) == 50


def test_bins_of_probabilities_by_hand() -> None:
    sure = np.array([0.05, 0.15, 0.17, 0.9, 1.0])
    found = study.reliability(sure, np.array([False, False, True, True, True]))
    assert found.counts == [1, 2, 2]
    assert found.predicted == pytest.approx([0.05, 0.16, 0.95])
    assert found.true == pytest.approx([0, 0.5, 1])
    assert found.error == pytest.approx((1 * 0.05 + 2 * 0.34 + 2 * 0.05) / 5)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"recognition": None}, "The index is not calibrated: at least 8 landmarks"),
        ({"augmentation": {"neighbours": 2}}, "have taken in the photographs that would ask"),
    ],
)
def test_an_index_without_probabilities_says_why(
    made: Reported, tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    model = Path(shutil.copytree(made.model, tmp_path / "made"))
    folder = model / "indexes" / made.index.name
    described = manifest.read_json(folder / "manifest.json", "")
    manifest.write_json(folder / "manifest.json", described | changed)
    found = study.first_results(ScoredIndex.open(folder))
    assert isinstance(found, str)
    assert told in found


def test_a_map_is_of_the_largest_landmarks_and_some_others(
    index: ScoredIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "_MAPPED_LANDMARKS", 2)
    monkeypatch.setattr(study, "_MAPPED", 3)
    monkeypatch.setattr(study, "_MAPPED_OTHERS", 7)
    found = study.map_of(index)
    assert found is not None
    assert list(found.names) == [0, 1], "all have five photographs"
    assert [np.count_nonzero(found.labels == label) for label in (0, 1)] == [3, 3]
    assert found.places.shape == (13, 2)
    assert len(found.titles) == 13
