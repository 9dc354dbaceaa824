"""Protocols over the tiny collection, each against a plain loop over its vectors."""

import dataclasses
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.descriptors import open_descriptor
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.embeddings.files import Embeddings, read_embeddings
from pipeline.evaluate import Settings, evaluate, main
from pipeline.query_photograph import read_photograph
from pipeline.scoring import found as found_files
from pipeline.scoring import revisited
from pipeline.scoring.judge import by_landmark
from pipeline.scoring.landmark_submissions import read_retrieval_submission
from pipeline.scoring.scored_index import ScoredIndex
from tests.tiny import Tiny, write_photographs


@pytest.fixture(scope="module")
def embedded(tiny: Tiny) -> Embeddings:
    return read_embeddings([tiny.embeddings])


def ids_by_similarity(embedded: Embeddings, query: np.ndarray) -> list[str]:
    ids = embedded.metadata["id"].to_pylist()
    return [ids[row] for row in np.argsort(-(embedded.vectors @ query), kind="stable")]


def told(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def test_pairs_score_what_a_loop_over_the_rest_of_the_collection_scores(
    tiny: Tiny, embedded: Embeddings, tmp_path: Path
) -> None:
    """The original's test set: a query, the rest the collection, some of it similar."""
    ids = embedded.metadata["id"].to_pylist()
    query, similar = ids[5], [ids[0], ids[9], ids[20]]
    path = tmp_path / "similar.csv"
    path.write_text("query,similar\n" + "".join(f"{query},{one}\n" for one in similar))
    result = told(evaluate(Settings(index=tiny.index, ground_truth=path)))
    ranking = [one for one in ids_by_similarity(embedded, embedded.vectors[5]) if one != query]
    seen, total = 0, 0.0
    for rank, one in enumerate(ranking, start=1):
        if one in similar:
            seen += 1
            total += seen / rank
    assert result["scores"]["mAP"] == pytest.approx(total / 3)
    assert result["scores"]["precision@10"] == sum(one in similar for one in ranking[:10]) / 10
    assert result["queries"] == 1
    assert result["distractors"] == 24 - 4, "who asks and who answers are none"
    assert "landmarks" not in result, "the file tells of none"
    assert "similar.csv" in result["protocol"]
    assert "intervals draw queries one by one" in result["protocol"]
    assert result["intervals"] == {}, "of one query"


def test_revisited_asks_with_boxes_and_leaves_junk_out(
    tiny: Tiny, embedded: Embeddings, tmp_path: Path
) -> None:
    ids = embedded.metadata["id"].to_pylist()
    titles = embedded.metadata["title"].to_pylist()
    query = ids.index(next(one for one, title in zip(ids, titles, strict=True) if "0/1" in title))
    box = [2.0, 3.0, 30.0, 33.0]
    names = [one for one in ids if one != ids[query]]
    easy, hard, junk = [0, 4], [7, 11, 13], [1, 2]
    content = {
        "imlist": names,
        "qimlist": [ids[query]],
        "gnd": [{"bbx": box, "easy": easy, "hard": hard, "junk": junk}],
    }
    path = tmp_path / "gnd_squares.pkl"
    path.write_bytes(pickle.dumps(content))
    output = evaluate(Settings(index=tiny.index, ground_truth=path))
    result = told(output)

    image = read_photograph(tiny.photos / titles[query])[3:33, 2:30]
    (vector,) = np.asarray(open_descriptor(tiny.model).describe_images(image[None]))
    ranking = [one for one in ids_by_similarity(embedded, vector) if one != ids[query]]
    for level, right, wrong in (
        ("easy", easy, junk + hard),
        ("medium", easy + hard, junk),
        ("hard", hard, junk + easy),
    ):
        kept = [one for one in ranking if one not in {names[n] for n in wrong}]
        places = np.array([rank for rank, one in enumerate(kept) if names.index(one) in right])
        expected = revisited.average_precision(places, len(right))
        assert result["scores"][f"mAP {level}"] == pytest.approx(expected), level
    assert next(iter(result["scores"])) == "mAP medium"
    assert result["distractors"] == 24 - 8, "five answers, two that are junk, and the query"
    (shown,) = pq.read_table(found_files.path_of(output)).to_pylist()
    kept = [one for one in ranking if names.index(one) not in junk][:10]
    assert shown["found"] == kept
    assert shown["right"] == [names.index(one) in easy + hard for one in kept]


def write_revisited(folder: Path, ids: list[str], **lists: list[int]) -> Path:
    """A whole photograph asks, of those named first."""
    entry = {"bbx": [0, 0, 48, 40], "easy": [], "hard": [], "junk": [], **lists}
    path = folder / "gnd_squares.pkl"
    path.write_bytes(pickle.dumps({"imlist": ids[1:], "qimlist": ids[:1], "gnd": [entry]}))
    return path


def test_revisited_ranks_the_whole_collection_however_large(
    tiny: Tiny,
    embedded: Embeddings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_revisited(tmp_path, embedded.metadata["id"].to_pylist(), easy=[20, 22])
    whole = told(evaluate(Settings(index=tiny.index, ground_truth=path)))
    with pytest.raises(ValueError, match=r"rank the whole collection; leave --depth out.*depth=5"):
        evaluate(Settings(index=tiny.index, ground_truth=path, depth=5))
    with pytest.raises(ValueError, match="parts of photographs, which --fuse and --verify"):
        evaluate(Settings(index=tiny.index, ground_truth=path, fuse=(str(tiny.index),)))
    monkeypatch.setattr("pipeline.scoring.questions.WHOLE", 10)
    monkeypatch.setattr("pipeline.scoring.questions.CUT", 1)
    main(Settings(index=tiny.index, ground_truth=path))
    printed = capsys.readouterr().out
    assert "1 queries among 24 photographs (21 distractors)" in printed
    large = told(Path(printed.rpartition("Result: ")[2].strip()))
    assert large["depth"] == 23
    assert large["scores"] == whole["scores"]


def test_a_level_at_which_nothing_is_to_be_found_is_left_out_and_said(
    tiny: Tiny, embedded: Embeddings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ids = embedded.metadata["id"].to_pylist()
    path = write_revisited(tmp_path, ids, easy=[0, 1])
    result = told(evaluate(Settings(index=tiny.index, ground_truth=path)))
    assert {name.split()[1] for name in result["scores"]} == {"easy", "medium"}
    assert "no query has anything to find that is hard" in caplog.text
    nothing = write_revisited(tmp_path, ids, junk=[0, 1])
    with pytest.raises(ValueError, match=r"gnd_squares\.pkl.*no query has anything to find"):
        evaluate(Settings(index=tiny.index, ground_truth=nothing))


def test_google_landmarks_solution_scores_queries_of_another_data_set(
    tiny: Tiny, embedded: Embeddings, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    write_photographs(tmp_path / "asking", landmarks=9, photographs=1, seed=0)
    for landmark in (1, 2, 3, 4, 5):
        shutil.rmtree(tmp_path / "asking" / f"landmark {landmark}")
    embed(EmbedSettings(model=model, photos=str(tmp_path / "asking")))
    asking = read_embeddings([model / "embeddings" / "asking"])
    ids = embedded.metadata["id"].to_pylist()
    names = asking.metadata["id"].to_pylist()
    assert len(names) == 4, "the first is in the index too"
    answers = {names[0]: [ids[3], ids[8]], names[1]: [ids[1]], names[2]: []}
    rows = [
        f"{names[0]},{' '.join(answers[names[0]])},Public",
        f"{names[1]},{ids[1]},Private",
        f"{names[2]},None,Ignored",
    ]
    path = tmp_path / "retrieval_solution_v2.1.csv"
    path.write_text("\n".join(["id,images,Usage", *rows]) + "\n")
    index = model / "indexes" / "squares-flat"
    submission = tmp_path / "answers.csv"
    settings = Settings(index=index, ground_truth=path, queries=("asking",), submission=submission)
    result = told(evaluate(settings))
    submitted = read_retrieval_submission(submission)
    assert submitted.keys() == set(names[:2])
    of_id = dict(zip(ids, embedded.metadata["content"].to_pylist(), strict=True))
    expected = []
    for row, name in enumerate(names[:2]):
        ranking = ids_by_similarity(embedded, asking.vectors[row])
        itself = asking.metadata["content"][row].as_py()
        ranking = [one for one in ranking if of_id[one] != itself]
        seen, total = 0, 0.0
        for rank, one in enumerate(ranking[:100], start=1):
            if one in answers[name]:
                seen += 1
                total += seen / rank
        expected.append(total / len(answers[name]))
        assert list(submitted[name]) == ranking[:100]
    assert result["scores"]["mAP@100"] == pytest.approx(np.mean(expected))
    assert result["scores"]["mAP@100 Public"] == pytest.approx(expected[0])
    assert result["scores"]["mAP@100 Private"] == pytest.approx(expected[1])
    with pytest.raises(ValueError, match=r"1 of the 2 queries .* pass the name of their data set"):
        evaluate(Settings(index=index, ground_truth=path))
    with pytest.raises(ValueError, match=r"counts the first 100 places; leave --depth out"):
        evaluate(dataclasses.replace(settings, depth=10))


def test_a_copy_that_the_index_has_under_another_landmark_takes_none_away(
    tiny: Tiny, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    (tmp_path / "asking" / "landmark 1").mkdir(parents=True)
    copy = tmp_path / "asking" / "landmark 1" / "copy.jpg"
    shutil.copy(tiny.photos / "landmark 0" / "0.jpg", copy)
    embed(EmbedSettings(model=model, photos=str(tmp_path / "asking")))
    index = ScoredIndex.open(model / "indexes" / "squares-flat")
    own, _, judge = by_landmark(index, ("asking",), None)
    assert own.keys[0] >= 0, "the index has it"
    assert judge.totals.tolist() == [4], "all photographs of landmark 1"


def test_landmarks_of_two_data_sets_are_apart_and_that_is_said(
    tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    write_photographs(tmp_path / "others", landmarks=2, photographs=2, seed=9)
    embed(EmbedSettings(model=model, photos=str(tmp_path / "others")))
    both = build_index(IndexSettings(model=model, data=("squares", "others"), kind="flat"))
    result = told(evaluate(Settings(index=both)))
    assert result["landmarks"] == 8
    assert "landmarks of different data sets are different" in result["protocol"]
    assert "2 names of landmarks are in several data sets" in caplog.text
    assert "'landmark 0' for one" in caplog.text
    caplog.clear()
    alone = told(evaluate(Settings(index=tiny.index)))
    assert "different data sets" not in alone["protocol"] + caplog.text


def test_photographs_of_another_data_set_ask_by_the_names_of_landmarks(
    tiny: Tiny, embedded: Embeddings, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    write_photographs(tmp_path / "asking", landmarks=8, photographs=1, seed=0)
    write_photographs(tmp_path / "asking", landmarks=2, photographs=1, seed=3)
    embed(EmbedSettings(model=model, photos=str(tmp_path / "asking")))
    asking = read_embeddings([model / "embeddings" / "asking"])
    result = told(evaluate(Settings(index=model / "indexes" / "squares-flat", queries=("asking",))))
    assert result["queries"] == 6, "landmarks 6 and 7 are not in the index"
    landmarks = embedded.metadata["landmark"].to_pylist()
    contents = embedded.metadata["content"].to_pylist()
    expected = []
    for row, name in enumerate(asking.metadata["landmark"].to_pylist()):
        if name not in landmarks:
            continue
        itself = asking.metadata["content"][row].as_py()
        order = np.argsort(-(embedded.vectors @ asking.vectors[row]), kind="stable")
        marks = [landmarks[one] == name for one in order if contents[one] != itself]
        precisions = [sum(marks[: n + 1]) / (n + 1) for n, right in enumerate(marks) if right]
        expected.append(sum(precisions) / len(precisions))
    assert result["scores"]["mAP"] == pytest.approx(np.mean(expected), abs=1e-6)


def test_what_every_query_scores_and_finds_is_kept(tiny: Tiny, embedded: Embeddings) -> None:
    output = evaluate(Settings(index=tiny.index))
    table = pq.read_table(found_files.path_of(output))
    assert table["id"].to_pylist() == embedded.metadata["id"].to_pylist()
    assert np.mean(table["mAP"].to_numpy()) == pytest.approx(told(output)["scores"]["mAP"])
    landmark_of = dict(
        zip(embedded.metadata["id"].to_pylist(), embedded.labels.tolist(), strict=True)
    )
    for row in table.to_pylist():
        assert len(row["found"]) == 10
        assert row["id"] not in row["found"]
        assert row["right"] == [landmark_of[one] == landmark_of[row["id"]] for one in row["found"]]


def test_an_approximate_index_is_told_beside_the_exact_ranking(tiny: Tiny, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    lsh = build_index(IndexSettings(model=model, data=("squares",), kind="lsh"))
    exact = told(evaluate(Settings(index=tiny.index)))
    result = told(evaluate(Settings(index=lsh)))
    assert "against_exact" not in exact
    beside = result["against_exact"]
    assert beside["queries"] == 24
    for name, score in beside["exact"].items():
        if "@" in name and int(name.split("@")[1]) <= 10:
            assert score == pytest.approx(exact["scores"][name], abs=1e-6), name
            assert beside["index"][name] == pytest.approx(result["scores"][name], abs=1e-6), name


def test_large_collections_are_scored_to_a_depth_that_is_said(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.scoring.questions.WHOLE", 20)
    monkeypatch.setattr("pipeline.scoring.questions.CUT", 12)
    result = told(evaluate(Settings(index=tiny.index)))
    assert result["depth"] == 12
    assert "mAP@10" in result["scores"]
    assert "mAP@50" not in result["scores"], "nothing tells what stands there"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("query,similar\nnobody,nothing\n", "not in the collection: 'nothing', 'nobody'"),
        ("photo,similar\na,b\n", "whose first line is query,similar"),
        ("id,images,Usage\na,b,2019\n", "Usage is Public, Private or Ignored"),
    ],
)
def test_a_ground_truth_that_does_not_fit_is_an_error(
    tiny: Tiny, tmp_path: Path, content: str, error: str
) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=error):
        evaluate(Settings(index=tiny.index, ground_truth=path))


def test_a_ground_truth_that_is_missing_is_named(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.csv is no file"):
        evaluate(Settings(index=tiny.index, ground_truth=tmp_path / "gone.csv"))
