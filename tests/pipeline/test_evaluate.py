import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from pipeline import manifest, model_folder
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.embeddings.files import read_embeddings
from pipeline.evaluate import Settings, evaluate, main
from pipeline.export import export
from pipeline.index.kinds import KINDS, fewest_vectors
from pipeline.scoring import metrics
from pipeline.scoring.found import path_of
from pipeline.scoring.lists import without_query
from pipeline.train import train
from tests.tiny import Tiny, tiny_export, tiny_training, write_photographs


def test_scores_of_the_exact_index_are_those_of_the_embeddings(tiny: Tiny) -> None:
    result = json.loads(evaluate(Settings(index=tiny.index)).read_text())
    embedded = read_embeddings([tiny.embeddings])
    relevant, totals = metrics.leave_one_out(embedded.vectors, embedded.labels)
    expected = {name: each.mean() for name, each in metrics.of_queries(relevant, totals).items()}
    assert result["scores"] == pytest.approx(expected, abs=1e-6)
    curve = metrics.precision_at_recall(relevant, totals, np.arange(11) / 10).mean(axis=0)
    assert list(result["precision_at_recall"].values()) == pytest.approx(curve.tolist(), abs=1e-6)
    assert result["queries"] == 24
    assert result["landmarks"] == 6
    assert result["distractors"] == 0
    assert result["queries_trained_on"] == 20, "all but the held-out landmark's four photographs"
    assert result["photographs_trained_on"] == 20
    assert result["landmarks_trained_on"] == 5
    assert list(result["intervals"]) == list(result["scores"])
    for name, (low, high) in result["intervals"].items():
        assert low <= result["scores"][name] <= high, name


def test_landmarks_of_other_photographs_are_known_by_name(tiny: Tiny, tmp_path: Path) -> None:
    """Nothing learned from these photographs, but from others of five of their landmarks."""
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    write_photographs(tmp_path / "others", landmarks=6, photographs=2, seed=9)
    embed(EmbedSettings(model=model, photos=str(tmp_path / "others")))
    index = build_index(IndexSettings(model=model, data=("others",)))
    result = json.loads(evaluate(Settings(index=index)).read_text())
    assert result["queries_trained_on"] == result["photographs_trained_on"] == 0
    assert result["landmarks_trained_on"] == 5


def test_landmarks_that_nobody_kept_the_names_of_are_not_known(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One landmark, of other photographs than were learned from: no interval, either."""
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    (model / "training" / "landmarks.json").unlink()
    write_photographs(tmp_path / "others", landmarks=1, photographs=3, seed=9)
    embed(EmbedSettings(model=model, photos=str(tmp_path / "others")))
    index = build_index(IndexSettings(model=model, data=("others",), kind="flat"))
    main(Settings(index=index))
    result = json.loads((model / "metrics" / "others-flat.json").read_text())
    assert result["queries_trained_on"] == 0
    assert result["landmarks_trained_on"] is None
    assert result["intervals"] == {}, "one landmark tells nothing of others"
    told = "Learned from in training: 0 of 3 queries, 0 of 3 photographs, landmarks not known"
    assert told in capsys.readouterr().out


def test_names_that_were_learned_from_are_known_of_some_models_only(
    tiny: Tiny, tmp_path: Path
) -> None:
    names = model_folder.learned_landmarks(tiny.model)
    assert names is not None
    assert len(names) == 5, "but for the landmark that was held out"
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    whitening = model / "saved_model" / model_folder.WHITENING_CONTENTS
    whitening.parent.mkdir(exist_ok=True)
    learned = np.load(model / "training" / model_folder.LEARNED_CONTENTS)
    np.save(whitening, learned[:3])
    assert model_folder.learned_landmarks(model) == names, "of the same photographs"
    np.save(whitening, np.array([b"0" * 16]))
    assert model_folder.learned_landmarks(model) is None, "of others, whose names nobody kept"
    whitening.unlink()
    path = model / "training" / model_folder.LEARNED_LANDMARKS
    manifest.write_json(path, {"landmarks": []})
    assert model_folder.learned_landmarks(model) is None, "as of triplets"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if fewest_vectors(kind) <= 24])
def test_every_kind_is_built_measured_and_scored(tiny: Tiny, kind: str) -> None:
    settings = IndexSettings(model=tiny.model, data=("squares",), kind=kind)
    folder = build_index(settings)
    described = json.loads((folder / "manifest.json").read_text())
    assert described["recall@10_against_exact"] > (0.99 if kind == "flat" else 0.5)
    assert described["milliseconds_per_query"] > 0
    assert described["bytes"] == next(folder.glob("index-*.faiss")).stat().st_size
    result = evaluate(Settings(index=folder))
    assert result == tiny.model / "metrics" / f"squares-{kind}.json"
    assert json.loads(result.read_text())["scores"]["recall@5"] > 0.5


def test_a_query_is_taken_out_of_its_own_ranking_wherever_it_stands() -> None:
    found = np.array([[7, 1, 2], [1, 8, 2], [1, 2, 9], [3, 4, 5], [6, -1, -1]])
    queries = np.array([7, 8, 9, 0, 6])
    expected = [[1, 2], [1, 2], [1, 2], [3, 4], [-1, -1]]
    np.testing.assert_array_equal(without_query(found, queries), expected)


def test_a_shallow_ranking_counts_what_it_misses(tiny: Tiny) -> None:
    whole = evaluate(Settings(index=tiny.index))
    cut = evaluate(Settings(index=tiny.index, depth=1))
    assert (whole.name, cut.name) == ("squares-flat.json", "squares-flat-depth1.json")
    deep, shallow = (json.loads(path.read_text())["scores"] for path in (whole, cut))
    assert shallow["recall@1"] == deep["recall@1"]
    # Three photographs are relevant and one place counts: at most a third of each is found.
    assert shallow["mAP"] == pytest.approx(deep["recall@1"] / 3)


def test_depth_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="--depth is at least 1"):
        Settings(index=Path("index"), depth=0)


def test_the_command_of_a_result_can_be_pasted(tiny: Tiny, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "my model"))
    result = evaluate(Settings(index=model / "indexes" / "squares-flat", depth=2))
    command = shlex.split(json.loads(result.read_text())["command"])
    assert command[3:] == [f"--index={model}/indexes/squares-flat", "--depth=2"]


def test_photographs_of_other_shards_are_known_for_learned(tiny: Tiny, tmp_path: Path) -> None:
    """The same files in records built anew, so that no shard is the same."""
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    folder = build_records(
        RecordSettings(photos=tiny.photos, output=tmp_path / "again", split=("index",), shards=1)
    )
    embed(EmbedSettings(model=model, records=folder))
    index = build_index(IndexSettings(model=model, data=("again",)))
    assert json.loads(evaluate(Settings(index=index)).read_text())["queries_trained_on"] == 20


def test_an_index_of_another_model_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    described = model_folder.read_model_file(model)
    manifest.write_json(model / "model.json", {**described, "fingerprint": "0123456789abcdef"})
    with pytest.raises(ValueError, match=r"squares-flat was made by the model .*0123456789ab"):
        evaluate(Settings(index=model / "indexes" / "squares-flat"))


def test_photographs_of_triplets_are_known_by_their_bytes(tiny: Tiny, tmp_path: Path) -> None:
    paths = sorted((tiny.photos / "landmark 0").iterdir())[:2]
    paths.append(tiny.photos / "landmark 1" / "0.jpg")
    with tf.io.TFRecordWriter(str(tmp_path / "train00.tfrec")) as writer:
        example = tf.train.Example()
        for path, key in zip(paths, ("anchor_img", "positive_img", "negative_img"), strict=True):
            example.features.feature[key].bytes_list.value.append(path.read_bytes())
        writer.write(example.SerializeToString())
    model = tmp_path / "model"
    train(tiny_training(model, None, triplets=str(tmp_path / "*.tfrec"), landmarks_per_batch=1))
    export(tiny_export(model))
    embed(EmbedSettings(model=model, records=tiny.records))
    index = build_index(IndexSettings(model=model, data=(tiny.records.name,)))
    assert json.loads(evaluate(Settings(index=index)).read_text())["queries_trained_on"] == 3


def test_photographs_that_whitening_was_learned_from_are_known(tiny: Tiny, tmp_path: Path) -> None:
    """The network itself has learned from the other 20."""
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    export(
        tiny_export(
            model,
            whitening="pca",
            whitening_records=tiny.records,
            whitening_split="validation",
            whitening_dimension=3,
            overwrite=True,
        )
    )
    embed(EmbedSettings(model=model, records=tiny.records, overwrite=True))
    index = build_index(IndexSettings(model=model, data=("squares",), overwrite=True))
    assert json.loads(evaluate(Settings(index=index)).read_text())["queries_trained_on"] == 24


def test_one_photograph_a_landmark_cannot_be_scored(tiny: Tiny, tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", landmarks=3, photographs=1)
    folder = build_records(
        RecordSettings(
            photos=tmp_path / "photos",
            output=tmp_path / "single",
            split=("index",),
        )
    )
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    embed(EmbedSettings(model=model, records=folder))
    index = build_index(IndexSettings(model=model, data=("single",)))
    with pytest.raises(ValueError, match="no landmark of it has two photographs"):
        evaluate(Settings(index=index))


def test_every_step_of_reordering_is_scored_and_told(
    tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    main(Settings(index=tiny.index, augment=2, expand=2, alpha=1.0, diffuse=3))
    printed = capsys.readouterr().out
    output = tiny.model / "metrics" / "squares-flat-augment2-alpha1.0-expand2-diffuse3.json"
    result = json.loads(output.read_text())
    assert str(output) in printed
    told = [step["step"] for step in result["steps"]]
    seen = "augment2, having seen the query"
    assert told == ["as it is", "augment2", "expand2", "diffuse3", seen]
    whole = json.loads(evaluate(Settings(index=tiny.index)).read_text())
    assert result["steps"][0]["scores"] == pytest.approx(whole["scores"], abs=1e-9)
    assert result["scores"] == result["steps"][3]["scores"]
    assert all(step["milliseconds"] > 0 for step in result["steps"][:4])
    assert result["steps"][1]["seconds"] > 0, "augmenting the collection"
    flags = shlex.split(result["command"])[4:]
    assert flags == ["--augment=2", "--alpha=1.0", "--expand=2", "--diffuse=3"]
    assert all(step in printed for step in told)


def test_an_index_fused_with_itself_ranks_as_it_does_alone(tiny: Tiny) -> None:
    alone = json.loads(evaluate(Settings(index=tiny.index, expand=2)).read_text())
    output = evaluate(Settings(index=tiny.index, expand=2, fuse=(str(tiny.index),)))
    assert output.name == "squares-flat-expand2-fuse-model.squares-flat.json"
    assert json.loads(output.read_text())["scores"] == pytest.approx(alone["scores"])


def test_the_first_place_may_stay_with_what_is_best_before_the_graph(tiny: Tiny) -> None:
    plain = evaluate(Settings(index=tiny.index))
    kept = evaluate(Settings(index=tiny.index, reciprocal=6, keep_first=True))
    steps = [step["step"] for step in json.loads(kept.read_text())["steps"]]
    assert steps == ["as it is", "reciprocal6", "keep_first"]
    before, after = (
        [row[0] for row in pq.read_table(path_of(path))["found"].to_pylist()]
        for path in (plain, kept)
    )
    assert after == before
    moved = evaluate(Settings(index=tiny.index, reciprocal=6))
    assert [row[0] for row in pq.read_table(path_of(moved))["found"].to_pylist()] != before


def test_indexes_of_other_photographs_are_not_fused(tiny: Tiny, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    write_photographs(tmp_path / "photos", landmarks=2, photographs=2, seed=1)
    folder = build_records(
        RecordSettings(photos=tmp_path / "photos", output=tmp_path / "few", split=("index",))
    )
    embed(EmbedSettings(model=model, records=folder))
    other = build_index(IndexSettings(model=model, data=("few",)))
    with pytest.raises(ValueError, match="do not hold the same photographs"):
        evaluate(Settings(index=tiny.index, fuse=(str(other),)))


def test_a_fused_index_that_has_seen_the_queries_is_told(tiny: Tiny, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    seen = build_index(IndexSettings(model=model, data=("squares",), kind="flat", augment=2))
    plain, told = (
        json.loads(evaluate(Settings(index=tiny.index, fuse=(str(folder),))).read_text())
        for folder in (tiny.index, seen)
    )
    assert "have taken in the queries themselves" in told["protocol"]
    assert "have taken in" not in plain["protocol"]
    assert "augmentation" not in told["index"]
    (fused,) = told["fused"]
    built = manifest.read_json(seen / "manifest.json", "")
    names = ("kind", "engine", "model_fingerprint", "augmentation")
    assert fused == {"folder": str(seen), **{name: built[name] for name in names}}
