import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.build_index import AUTO, Settings, build_index, main
from pipeline.embeddings.files import open_embeddings
from pipeline.index import advisor, building, kinds, loss
from pipeline.index.advisor import Candidate, Wanted
from pipeline.index.collection import load_collection, read_manifest
from pipeline.index.truth import Nearest, Truth
from tests import vector_collections
from tests.vector_collections import Oracle, clusters, photographs

VECTORS = clusters(60, 12)
LABELS = np.repeat(np.arange(60), 12)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return vector_collections.embed(folder, "made", VECTORS, photographs(LABELS))


def candidate(kind: str, recall: float, milliseconds: float, size: int = 100) -> Candidate:
    return Candidate(
        kind=kind,
        factory=kind,
        photographs=1000,
        recall=recall,
        milliseconds_alone=milliseconds,
        milliseconds=milliseconds,
        bytes=size,
        is_mergeable=False,
        seconds=1.0,
        explanation="",
    )


FLAT, FAST, SMALL, ROUGH = (
    candidate("flat", 1.0, 4.0),
    candidate("hnsw", 0.97, 0.1, 130),
    candidate("ivfsq8", 0.96, 0.3, 30),
    candidate("lsh", 0.8, 2.0, 20),
)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(recall=0.95), ["hnsw", "ivfsq8", "flat", "lsh"]),
        # Nobody notices: exact.
        (Wanted(recall=0.95, milliseconds=5), ["flat", "hnsw", "ivfsq8", "lsh"]),
        (Wanted(recall=0.95, memory=100), ["ivfsq8", "flat", "lsh"]),
        (Wanted(recall=0.95, memory=100, milliseconds=1), ["ivfsq8"]),
        (Wanted(recall=0.99), ["flat", "hnsw", "ivfsq8", "lsh"]),
        # None has the recall in so little: the one that has most.
        (Wanted(recall=0.99, memory=30), ["ivfsq8", "lsh"]),
        (Wanted(recall=0.95, memory=10), []),
    ],
)
def test_the_best_that_does_what_is_wanted_comes_first(wanted: Wanted, expected: list[str]) -> None:
    ranked = advisor.preferred([ROUGH, SMALL, FAST, FLAT], wanted)
    assert [one.kind for one in ranked] == expected


def test_the_chosen_index_searches_and_tells_what_was_measured(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(model=model, data=("made",), kind=AUTO, recall=0.9)
    main(settings)
    printed = capsys.readouterr().out
    folder = model / "indexes" / "made-auto"
    described = read_manifest(folder)
    measured = {one["kind"]: one for one in described["advice"]["candidates"]}
    assert set(measured) == set(kinds.KINDS)
    assert described["kind"] == "flat", "a few hundred are searched exactly in no time"
    assert described["advice"]["chosen"]["recall"] == 1.0
    for kind, one in measured.items():
        assert f"{kind} " in printed
        assert 0 < one["recall"] <= 1
        assert one["bytes"] > 0
        if one["recall"] < 0.9:
            assert f"{kind}: {one['explanation']}." in printed
    assert tf.io.decode_png((folder / "advice.png").read_bytes()).shape == (500, 900, 4)
    opened = load_collection(folder)
    _, keys = opened.search(VECTORS[:50], 10)
    found = [opened.photographs(row)["id"].to_pylist() for row in keys]
    oracle = Oracle(VECTORS, photographs(LABELS)["id"].to_pylist())
    assert oracle.recall(VECTORS[:50], found, 10) == 1.0
    assert build_index(settings) == folder
    assert read_manifest(folder) == described, "what is finished is not done again"


def test_what_is_chosen_fits_the_memory_for_which_codes_are_tried(model: Path) -> None:
    stored = open_embeddings([model / "embeddings" / "made"])
    size = 720 * 46  # bytes; as they are the vectors take 128 each
    advice = advisor.advise(stored, Wanted(recall=0.95, memory=size))
    assert advice.chosen.kind == "ivfsq8"
    assert advice.chosen.bytes == advice.built.index.bytes <= size
    assert [one.kind for one in advice.candidates[-2:]] == ["IVF*,PQ4x8", "IVF*,PQ8x8"]
    assert re.search(r"ivfsq8 .* chosen\n", advice.table())
    assert re.search(r"hnsw .* misses memory\n", advice.table())


def test_what_nothing_fits_is_refused_with_the_table(model: Path) -> None:
    settings = Settings(model=model, data=("made",), kind=AUTO, memory="1kB", overwrite=True)
    with pytest.raises(ValueError, match=r"--memory=0\.001MB; allow more(.|\n)*misses memory"):
        build_index(settings)


def test_candidates_are_built_on_a_sample_where_there_are_many(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisor, "_SAMPLE", 400)
    stored = open_embeddings([model / "embeddings" / "made"])
    advice = advisor.advise(stored, Wanted(recall=0.9))
    assert advice.sample == 400
    assert len(advice.built.index) == advice.chosen.photographs == 720
    flat = next(one for one in advice.candidates if one.kind == "flat")
    assert flat.bytes == pytest.approx(720 * 32 * 4, rel=0.01)


def test_no_hashing_is_tried_for_distances(model: Path) -> None:
    stored = open_embeddings([model / "embeddings" / "made"])
    advice = advisor.advise(stored, Wanted(recall=0.9), "euclidean")
    assert "lsh" not in {one.kind for one in advice.candidates}


@pytest.mark.parametrize(("kind", "remedy"), [("PQ4x3", "PQ4x3,Refine(SQ8)"), ("PQ1x2", "ivfsq8")])
def test_what_a_compressed_index_misses_is_explained_and_the_remedy_works(
    model: Path, kind: str, remedy: str
) -> None:
    described = read_manifest(vector_collections.build(model, kind))
    missed = described["loss"]
    assert missed["recall"] == missed["with_most_effort"] < 0.9
    assert missed["misjudged"] > 0
    assert missed["apart"] > 0
    assert "is lost by its codes, wherever it looks" in described["explanation"]
    assert re.findall(r"--kind=(\S+?)(?:, 32 bytes| has)", described["explanation"]) == [remedy]
    mended = read_manifest(vector_collections.build(model, remedy))
    assert mended["recall@10_against_exact"] >= 0.95


def test_what_is_missed_by_looking_at_few_cells_is_told_apart(model: Path) -> None:
    built = building.build(open_embeddings([model / "embeddings" / "made"]), "IVF24,Flat")
    built.index.set_effort({"nprobe": 1})
    queries = VECTORS[::9] + VECTORS[::-9]  # between landmarks, so that cells divide what is near
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    truth = Truth(queries, loss.DEPTH)
    truth.show(built.index.vectors(np.arange(len(built.index))))
    missed = loss.measure(built.index, queries, Nearest(*truth.nearest(), 10))
    assert missed.recall < 0.9
    assert missed.with_most_effort == pytest.approx(1.0, abs=0.005)
    assert built.index.effort == {"nprobe": 1}, "it stays as it was tuned"
    said = loss.explanation(missed, built.factory, built.index.effort, 32, 0.95)
    assert "is lost by looking at nprobe 1 only; a higher --recall looks further" in said
    assert "codes" not in said


def test_an_exact_index_misses_nothing(model: Path) -> None:
    described = read_manifest(vector_collections.build(model, "flat"))
    assert described["loss"]["recall"] == described["loss"]["with_most_effort"] == 1.0
    assert described["loss"]["misjudged"] < 1e-5


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"memory": "2"}, r"--memory is a number above 0 with one of .* such as 2GB"),
        ({"memory": "0GB"}, "--memory is a number above 0"),
        ({"latency": "5m"}, r"--latency is a number above 0 .* such as 5ms"),
        ({"kind": "flat", "memory": "2GB"}, "--memory has no effect with --kind=flat"),
        ({"kind": "ivf", "latency": "2ms"}, "--latency has no effect with --kind=ivf"),
    ],
)
def test_amounts_are_checked(flags: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(model=Path("model"), data=("made",), **{"kind": AUTO, **flags})  # type: ignore[arg-type]


def test_amounts_are_read_with_their_units() -> None:
    settings = Settings(model=Path("m"), data=("made",), kind=AUTO, memory="1.5 GiB", latency=".1s")
    assert settings.wanted == Wanted(recall=0.95, memory=3 * 2**29, milliseconds=100.0)
