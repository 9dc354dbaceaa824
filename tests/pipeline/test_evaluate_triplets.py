import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipeline import manifest, model_folder
from pipeline.data.sources.kaggle_triplets import ROLES
from pipeline.data.sources.source import content_id
from pipeline.descriptors import open_descriptor
from pipeline.embeddings import files
from pipeline.embeddings.job import Job
from pipeline.evaluate_triplets import Settings, evaluate_triplets, main
from tests.tiny import Tiny, change_model


def names(triplet: str) -> list[str]:
    """``"00 01 50"``: the landmark and the number of anchor, positive and negative."""
    return triplet.split()


# Joined are 00-01-02, 10-11 and 20-21; 50 and 03 are only negatives. 2 was held out in training.
FIRST = ["00 01 50", "01 02 10", "00 00 50", "00 02 01", "00 01 50"]
SECOND = ["10 11 03", "11 10 03", "20 21 50", "21 20 11"]
SOUND = [*FIRST[:2], *SECOND]
PAIRS = [names(one)[:2] for one in SOUND]
JOINED = [{"00", "01", "02"}, {"10", "11"}, {"20", "21"}]


@pytest.fixture(scope="module")
def encoded(tiny: Tiny) -> dict[str, bytes]:
    """The tiny photographs by landmark and number, the landmark held out in training being 2."""
    learned = set(model_folder.learned_contents(tiny.model).tolist())
    landmarks = sorted(tiny.photos.iterdir())
    (held_out,) = [
        landmark
        for landmark in landmarks
        if content_id((landmark / "0.jpg").read_bytes()).encode() not in learned
    ]
    landmarks.remove(held_out)
    landmarks.insert(2, held_out)
    return {
        f"{number}{path.stem}": path.read_bytes()
        for number, landmark in enumerate(landmarks)
        for path in landmark.iterdir()
    }


def without_results(model: Path, folder: Path) -> Path:
    ignored = shutil.ignore_patterns("embeddings", "indexes", "metrics")
    return Path(shutil.copytree(model, folder / "model", ignore=ignored))


@pytest.fixture
def model(tiny: Tiny, tmp_path: Path) -> Path:
    """To be described with and changed."""
    return without_results(tiny.model, tmp_path)


def write(path: Path, triplets: list[str], encoded: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for triplet in triplets:
            example = tf.train.Example()
            for key, name in zip(ROLES, names(triplet), strict=True):
                example.features.feature[key].bytes_list.value.append(encoded[name])
            writer.write(example.SerializeToString())
    return path


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory, encoded: dict[str, bytes]) -> str:
    folder = tmp_path_factory.mktemp("triplets") / "kaggle"
    write(folder / "train00.tfrec", FIRST, encoded)
    write(folder / "train01.tfrec", SECOND, encoded)
    return f"{folder}/train*.tfrec"


@pytest.fixture(scope="module")
def scored(tiny: Tiny, pattern: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has described and scored them."""
    model = without_results(tiny.model, tmp_path_factory.mktemp("scored"))
    output = evaluate_triplets(Settings(model=model, triplets=pattern))
    assert output == model / "metrics" / "kaggle-triplets.json"
    return model


def test_scores_are_those_of_a_loop_over_the_photographs(
    scored: Path, encoded: dict[str, bytes]
) -> None:
    named = sorted({name for triplet in (*FIRST, *SECOND) for name in names(triplet)})
    described: Any = open_descriptor(scored).describe_files([encoded[name] for name in named])
    vector = dict(zip(named, described, strict=True))

    def similarity(first: str, second: str) -> float:
        return float(vector[first] @ vector[second])

    is_right = [
        similarity(anchor, positive) > similarity(anchor, negative)
        for anchor, positive, negative in map(names, SOUND)
    ]
    ranks = []
    for anchor, positive in PAIRS:
        (joined,) = [group for group in JOINED if anchor in group]
        others = [name for name in named if name not in joined]
        near = [similarity(anchor, other) >= similarity(anchor, positive) for other in others]
        ranks.append(1 + sum(near))
    result = json.loads((scored / "metrics" / "kaggle-triplets.json").read_text())
    assert result["scores"] == pytest.approx(
        {
            "triplet accuracy": np.mean(is_right),
            **{f"recall@{k}": np.mean(np.array(ranks) <= k) for k in (1, 5, 10)},
            "median rank": np.median(ranks),
            "mean rank": np.mean(ranks),
        }
    )
    assert (result["queries"], result["pairs"], result["photographs"]) == (6, 6, len(named))
    assert result["landmarks"] == 3
    assert result["triplets"] == {
        "read": 9, "degenerate": 1, "contradictory": 1, "repeated": 1, "damaged": 0, "scored": 6,
    }  # fmt: skip
    assert result["queries_trained_on"] == 4, "but for the two pairs of the held-out landmark"
    assert result["photographs_trained_on"] == 7
    assert result["intervals"].keys() == result["scores"].keys() - {"median rank"}
    for name, (low, high) in result["intervals"].items():
        assert low <= result["scores"][name] <= high


def test_photographs_are_described_once_and_kept(
    scored: Path, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = files.read_manifest(scored / "triplets" / "kaggle")
    assert [shard["photographs"] for shard in content["shards"]] == [5, 4]
    before = (scored / "metrics" / "kaggle-triplets.json").read_text()
    monkeypatch.setattr(Job, "write", None)  # nothing is left to write
    assert evaluate_triplets(Settings(model=scored, triplets=pattern)).read_text() == before


def test_files_that_are_added_alone_are_described(model: Path, pattern: str) -> None:
    first = Settings(model=model, triplets=pattern.replace("*", "00"))
    evaluate_triplets(first)
    written = files.metadata_path(model / "triplets" / "kaggle", 0)
    before = Path(written).stat().st_mtime_ns
    result = json.loads(evaluate_triplets(Settings(model=model, triplets=pattern)).read_text())
    assert Path(written).stat().st_mtime_ns == before
    assert result["photographs"] == 9
    with pytest.raises(ValueError, match="4 photographs that are still there and not named now"):
        evaluate_triplets(first)


def test_some_of_the_pairs_are_ranked_the_same_every_time(scored: Path, pattern: str) -> None:
    some = Settings(model=scored, triplets=pattern, pairs=4)
    output = evaluate_triplets(some)
    assert output.name == "kaggle-triplets-pairs4.json"
    result = json.loads(output.read_text())
    assert (result["queries"], result["pairs"], result["triplets"]["scored"]) == (4, 6, 6)
    assert json.loads(evaluate_triplets(some).read_text())["scores"] == result["scores"]
    assert shlex.split(result["command"])[2:] == [
        "pipeline.evaluate_triplets", f"--model={scored}", f"--triplets={pattern}", "--pairs=4",
    ]  # fmt: skip


def test_a_damaged_photograph_costs_its_triplets_alone(
    model: Path, encoded: dict[str, bytes], tmp_path: Path
) -> None:
    damaged = {**encoded, "11": encoded["11"][:200]}
    path = write(tmp_path / "kaggle" / "train00.tfrec", [*FIRST, *SECOND], damaged)
    result = json.loads(evaluate_triplets(Settings(model=model, triplets=str(path))).read_text())
    assert result["photographs"] == 8
    assert (result["triplets"]["damaged"], result["triplets"]["scored"]) == (3, 3)
    (skipped,) = files.read_manifest(model / "triplets" / "kaggle")["shards"][0]["skipped"]
    assert skipped["photograph"].endswith(", positive_img")


def test_triplets_that_all_say_nothing_are_refused(
    model: Path, encoded: dict[str, bytes], tmp_path: Path
) -> None:
    path = write(
        tmp_path / "kaggle" / "train00.tfrec", ["00 00 10", "00 01 02", "01 02 00"], encoded
    )
    with pytest.raises(ValueError, match="none of the 3 triplets says anything"):
        evaluate_triplets(Settings(model=model, triplets=str(path)))


def test_the_card_tells_the_scores_until_the_model_is_another(model: Path, pattern: str) -> None:
    evaluate_triplets(Settings(model=model, triplets=pattern))
    card = (model / "README.md").read_text()
    accuracy = json.loads((model / "metrics" / "kaggle-triplets.json").read_text())["scores"]
    assert f"| kaggle-triplets | {accuracy['triplet accuracy']:.3f} |" in card
    assert f"| {accuracy['median rank']:.1f} | 6 | 3 | 9 |" in card
    change_model(model)
    with pytest.raises(ValueError, match=r"triplets/kaggle was made by the model .* --overwrite"):
        evaluate_triplets(Settings(model=model, triplets=pattern))
    evaluate_triplets(Settings(model=model, triplets=pattern, overwrite=True))
    described = model_folder.read_model_file(model)
    result = manifest.read_json(model / "metrics" / "kaggle-triplets.json", "")
    assert result["model_fingerprint"] == described["fingerprint"]


def test_what_is_scored_is_printed(
    scored: Path, pattern: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(Settings(model=scored, triplets=pattern, pairs=5))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{scored}: 6 triplets of 9 photographs; left out: 1 whose anchor")
    assert lines[1] == "positives ranked: 5 of 6"
    scores = json.loads((scored / "metrics" / "kaggle-triplets-pairs5.json").read_text())["scores"]
    assert lines[3].split()[:3] == ["triplet", "accuracy", f"{scores['triplet accuracy']:.3f}"]
    assert lines[8].split() == ["median", "rank", f"{scores['median rank']:.1f}"]
    assert lines[9].startswith("Learned from in training: ")
    assert lines[9].endswith("of 5 queries, 7 of 9 photographs")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"triplets": ""}, "--triplets is empty"),
        ({"pairs": 0}, "--pairs is at least 1"),
        ({"batch_size": 0}, "--batch_size is at least 1"),
        ({"name": "a/b"}, "--name is a name without a folder"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**{"model": Path("model"), "triplets": "train*.tfrec", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pattern", ["~/kaggle/train*.tfrec", "kaggle/**/train*.tfrec", "kaggle/pt[23]/train00.tfrec"]
)
def test_the_folder_that_holds_all_files_gives_the_name(pattern: str) -> None:
    assert Settings(model=Path("model"), triplets=pattern).own_name == "kaggle"


def test_files_of_no_named_folder_need_a_name() -> None:
    with pytest.raises(ValueError, match="--name=NAME"):
        _ = Settings(model=Path("model"), triplets="/*/train*.tfrec").own_name


def test_missing_triplets_and_models_are_named(tiny: Tiny, pattern: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--triplets=.*gone.* matches no file"):
        evaluate_triplets(Settings(model=tiny.model, triplets=f"{tmp_path}/gone*.tfrec"))
    with pytest.raises(FileNotFoundError, match=r"model\.json is missing"):
        evaluate_triplets(Settings(model=tmp_path / "none", triplets=pattern))
