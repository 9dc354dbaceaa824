"""The inverted file against a comparison of every query with every photograph."""

from pathlib import Path

import numpy as np
import pytest

from models.words import asmk, bags
from models.words.bags import Bags
from pipeline.build_index import Settings, build_index
from pipeline.embeddings import files
from pipeline.embeddings.bag_files import BAGS
from pipeline.index import array_file, collection, duplicates, metric
from pipeline.index.inverted_index import InvertedIndex
from tests import vector_collections
from tests.vector_collections import photographs

WORDS = 50


def random_bags(count: int, code_bytes: int, seed: int = 0) -> Bags:
    """Photographs of 0 to 12 words; the first is of none."""
    generator = np.random.default_rng(seed)
    found = [Bags.empty(1, WORDS, code_bytes)]
    for _ in range(count - 1):
        words = np.sort(generator.choice(WORDS, generator.integers(1, 13), replace=False))
        weights = generator.random(len(words))
        codes = generator.integers(0, 256, (len(words), code_bytes), np.uint8)
        found.append(Bags.of_one(words, weights / np.linalg.norm(weights), codes, WORDS))
    return bags.concatenate(found)


def similarity(one: Bags, other: Bags) -> float:
    """By a loop over the words of one."""
    total = 0.0
    of_other = {word: place for place, word in enumerate(other.words.tolist())}
    for place, word in enumerate(one.words.tolist()):
        if word in of_other:
            there = of_other[word]
            product = one.weights[place] * other.weights[there]
            bits = 8 * one.code_bytes
            if bits:
                pairs = zip(one.codes[place], other.codes[there], strict=True)
                differing = sum((int(a) ^ int(b)).bit_count() for a, b in pairs)
                alike = 1 - 2 * differing / bits
                product *= alike**asmk.ALPHA if alike > 0 else 0
            total += product
    return total


@pytest.mark.parametrize("code_bytes", [0, 1, 8])
def test_searches_find_what_a_loop_finds(tmp_path: Path, code_bytes: int) -> None:
    held, queries = random_bags(60, code_bytes), random_bags(9, code_bytes, seed=1)
    index = InvertedIndex(held[:40])
    index.add(held[40:])
    index.save(tmp_path / "index.arrow")
    among = np.arange(60) % 3 > 0
    for one in (index, InvertedIndex.load(tmp_path / "index.arrow")):
        for allowed in (np.ones(60, bool), among):
            similarities, rows = one.search(queries, 7, allowed)
            for number in range(9):
                expected = [
                    similarity(queries[number : number + 1], held[row : row + 1]) * allowed[row]
                    for row in range(60)
                ]
                best = np.sort([value for value in expected if value > 0])[::-1][:7]
                found = rows[number][rows[number] >= 0]
                np.testing.assert_allclose(similarities[number][: len(best)], best, atol=1e-6)
                np.testing.assert_allclose([expected[row] for row in found], best, atol=1e-6)
                assert np.isneginf(similarities[number][len(best) :]).all()
    assert (rows[0] == -1).all(), "what shows nothing is like nothing"


def test_equal_photographs_come_in_the_order_of_rows() -> None:
    """Also where some of them have no place."""
    one = random_bags(2, 0)[1:]
    index = InvertedIndex(bags.concatenate([one] * 5))
    assert index.search(one, 3)[1].tolist() == [[0, 1, 2]]


def test_some_rows_make_an_index_of_their_own() -> None:
    held = random_bags(30, 2)
    rows = np.array([3, 7, 29])
    _, found = InvertedIndex(held).kept(rows).search(held[rows], 1)
    assert found.ravel().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.ones((1, WORDS), np.float32), r"bag of 50 visual words with codes of 1.*dense"),
        (Bags.empty(1, WORDS + 1, 1), r"bag of 50 visual words.*\(1, 51\)"),
        (Bags.empty(1, WORDS, 2), r"codes of 1 bytes.*\(1, 50\)"),
        (
            Bags.of_one(np.array([3]), np.array([0.5]), np.zeros((1, 1), np.uint8), WORDS),
            "unit length or empty. Received: row 0 of length 0.5, 1 such of 1",
        ),
    ],
)
def test_what_is_no_bag_of_these_words_is_refused(wrong: Bags, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InvertedIndex(random_bags(3, 1)).checked(wrong, "A query")


def test_dense_indexes_refuse_bags() -> None:
    with pytest.raises(ValueError, match=r"A query is a bag of visual words.*--kind=inverted"):
        metric.checked(random_bags(2, 0), WORDS, "cosine", "A query")


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "index.arrow"
    InvertedIndex(random_bags(5, 1)).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="damaged; build it again"):
        array_file.load(path)


def test_embedded_bags_are_read_as_they_were_written(tmp_path: Path) -> None:
    """In three pairs of files, one without a photograph; some rows, and all."""
    held = random_bags(3, 2)
    model = vector_collections.embed(tmp_path / "m", "made", held, photographs(np.arange(3)), 4)
    folder = model / "embeddings" / "made"
    whole = files.read_embeddings([folder]).vectors
    np.testing.assert_array_equal(whole.dense(), held.dense())
    np.testing.assert_array_equal(whole.codes, held.codes)
    stored = files.open_embeddings([folder])
    assert stored.is_sparse
    assert stored.dimension == WORDS
    some = bags.concatenate(list(stored.take(np.array([0, 2]))))
    np.testing.assert_array_equal(some.dense(), held[np.array([0, 2])].dense())
    path = Path(BAGS.array_path(folder, 1))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="not those that"):
        files.open_embeddings([folder])


def test_kinds_and_models_have_to_suit(tmp_path: Path) -> None:
    rows = photographs(np.arange(20) % 4)
    sparse = vector_collections.embed(tmp_path / "sparse", "made", random_bags(20, 0), rows)
    dense = vector_collections.embed(
        tmp_path / "dense", "made", vector_collections.clusters(4, 5), rows
    )
    for kind in ("flat", "auto", "milvus", "IVF4,Flat"):
        with pytest.raises(ValueError, match=f"bags of visual words, which --kind={kind}"):
            vector_collections.build(sparse, kind)
    with pytest.raises(ValueError, match="dense vectors, which --kind=inverted cannot hold"):
        vector_collections.build(dense, "inverted")
    with pytest.raises(ValueError, match="compares by --metric=cosine"):
        vector_collections.build(sparse, "inverted", metric="euclidean")
    by_default = [build_index(Settings(model=one, data=("made",))) for one in (sparse, dense)]
    assert [folder.name for folder in by_default] == ["made-inverted", "made-flat"]
    with pytest.raises(ValueError, match="Duplicates are found by dense vectors"):
        duplicates.groups(collection.load_collection(by_default[0]), 0.9)
    described = collection.read_manifest(by_default[0])
    assert described["recall@10_against_exact"] == 1
    assert described["milliseconds_per_query"] > 0
    assert described["engine"] == "exact inverted file of 50 words"
