import copy
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from pipeline import manifest
from pipeline.evaluate import Settings as EvaluateSettings
from pipeline.evaluate import evaluate
from pipeline.export import export
from pipeline.exporting.model_card import write_card
from tests.tiny import Tiny, tiny_export

FINGERPRINT = "0123abcd"
DESCRIBED: dict[str, Any] = {
    "kind": "deep",
    "dimension": 1024,
    "input_size": 224,
    "scales": [1.0, 1.4286],
    "flip": True,
    "aggregation": {"kind": "gem", "power": 3.0},
    "whitening": {
        "kind": "supervised",
        "strength": 0.5,
        "files": {"tfrecords/india/india-train.tfrecord-00000-of-00001": "ab"},
        "photographs": 2254,
    },
    "parameters": 2257984,
    "licenses": {"training": {"CC BY 2.0": 2000, "": 254}, "whitening": {"": 2254}},
    "training": {
        "settings": {
            "backbone": "mobilenet_v2",
            "weights": "imagenet",
            "pooling": "spoc",
            "projection": "none",
            "loss": "arcface",
            "epochs": 3,
            "triplets": None,
        },
        "data": {"files": {"/home/me/tfrecords/france/a": "cd"}, "records": 2254, "landmarks": 23},
        "best_epoch": 1,
        "epochs": [{"epoch": 0, "held-out mAP": 0.25}, {"epoch": 1, "held-out mAP": 0.75}],
    },
    "versions": {"tensorflow": "2.21.0"},
    "fingerprint": FINGERPRINT,
}
RESULT: dict[str, Any] = {
    "scores": {"mAP": 0.5, "recall@1": 0.8125},
    "protocol": "leave one out",
    "queries": 1362,
    "photographs": 2356,
    "landmarks": 23,
    "distractors": 994,
    "index": {"kind": "flat", "model_fingerprint": FINGERPRINT},
    "command": "python -m pipeline.evaluate --index=exported/model/indexes/france-flat",
    "queries_trained_on": 7,
}


def _card(folder: Path, described: dict[str, Any], **results: dict[str, Any]) -> str:
    manifest.write_json(folder / "model.json", described)
    for name, result in results.items():
        manifest.write_json(folder / "metrics" / f"{name}.json", result)
    return write_card(folder).read_text()


def _changed(**changes: object) -> dict[str, Any]:
    """The model above with other settings of its training."""
    described = copy.deepcopy(DESCRIBED)
    described["training"]["settings"] |= changes
    return described


def test_front_matter_is_what_hugging_face_reads(tmp_path: Path) -> None:
    card = ModelCard(_card(tmp_path, DESCRIBED, flat=RESULT))
    assert card.data.to_dict() == {  # type: ignore[no-untyped-call]
        "library_name": "tensorflow",
        "pipeline_tag": "image-feature-extraction",
        "tags": [
            "image-retrieval",
            "landmark-retrieval",
            "tensorflow",
            "saved-model",
            "mobilenet_v2",
        ],
        "license": "other",
        "license_name": "see-the-section-licence",
        "metrics": ["mAP", "recall@1"],
    }
    assert re.findall(r"^#+ (.*)$", card.text, flags=re.MULTILINE) == [
        tmp_path.name,
        *("Use", "Network", "Training data", "Scores", "Licence", "Limits"),
    ]


@pytest.mark.parametrize(
    "told",
    [
        "| scales | 1, 1.4286, the mirror image too |",
        "| joined by | gem |",
        "| whitening | supervised, strength 0.5 |",
        "starts from the ImageNet weights that come with Keras",
        "2,254 photographs of 23 landmarks of `france`, with the loss `arcface`.",
        "Kept is epoch 1 of 3, whose held-out mAP is 0.750.",
        "| CC BY 2.0 | 2,000 |\n| not stated | 254 |",
        "The whitening was learned from 2,254 photographs of `india`",
        "The records state no licence of those photographs",
        "| flat | 0.500 | 0.812 | 1,362 | 23 | 2,356 | 994 |",
        "Protocol: leave one out.",
        RESULT["command"],
        "The code is under Apache-2.0.",
        "for non-commercial research",
        "- 7 of the 1,362 queries of flat are photographs that it learned from",
        "faces",
        "A similarity is no probability",
    ],
)
def test_card_tells_what_the_model_is_and_how_it_was_tested(tmp_path: Path, told: str) -> None:
    """The tie 0.8125 is rounded to even, 0.812."""
    assert told in _card(tmp_path, DESCRIBED, flat=RESULT)


def test_card_keeps_the_folders_of_whoever_trained_it_to_itself(tmp_path: Path) -> None:
    described = _changed(weights="/home/me/weights/mine.weights.h5")
    card = _card(tmp_path, described)
    assert "starts from the file `mine.weights.h5`" in card
    assert "/home/me" not in card
    assert "ImageNet's" not in card


def test_scores_of_an_earlier_export_are_left_out(tmp_path: Path) -> None:
    earlier = {**RESULT, "index": {"model_fingerprint": "another"}}
    card = _card(tmp_path, DESCRIBED, old=earlier)
    assert "None yet: `python -m pipeline.evaluate` adds them." in card
    assert "It was not tested." in card
    assert "metrics:" not in card


def test_results_of_different_scores_stand_in_one_table(tmp_path: Path) -> None:
    other = {**RESULT, "scores": {"mAP": 0.25, "GAP": 0.125}}
    card = _card(tmp_path, DESCRIBED, a=RESULT, b=other)
    assert "| index | mAP | recall@1 | GAP | queries |" in card
    assert "| a | 0.500 | 0.812 | - | 1,362 |" in card
    assert "| b | 0.250 | - | 0.125 | 1,362 |" in card
    assert card.count("Protocol:") == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"weights": "none"}, "The backbone starts at random."),
        ({"epochs": 0}, "It was not trained (`--epochs=0`)."),
        (
            {"epochs": 0, "projection": "whitened"},
            "of `france`, to whiten its projection and no more (`--epochs=0`).",
        ),
        (
            {"triplets": "triplets/*.tfrec"},
            "It learned from 2,254 triplets of 23 pseudo-landmarks of",
        ),
    ],
    ids=["random", "untrained", "whitened only", "triplets"],
)
def test_card_tells_how_it_learned(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    assert told in _card(tmp_path, _changed(**changes))


@pytest.mark.parametrize(
    ("best", "told"),
    [
        (0, "Kept is epoch 0 of 3, whose held-out mAP is 0.250: as it was before it learned."),
        (1, "Kept is epoch 1 of 3, whose held-out mAP is 0.750."),
        (2, "Kept is epoch 2 of 3."),
    ],
    ids=["the start", "an epoch", "not scored"],
)
def test_card_tells_which_epoch_was_kept(tmp_path: Path, best: int, told: str) -> None:
    described = copy.deepcopy(DESCRIBED)
    described["training"]["best_epoch"] = best
    described["training"]["epochs"].append({"epoch": 2, "held-out mAP": None})
    assert f" {told}\n" in _card(tmp_path, described)


def _paths(content: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every key, and of every key within."""
    for key, value in content.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from _paths(value, (*path, key))


def _without(content: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    content = copy.deepcopy(content)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return content


@pytest.mark.parametrize(
    "path", [path for path in _paths(DESCRIBED) if path != ("fingerprint",)], ids=".".join
)
def test_an_older_model_file_that_lacks_a_key_has_a_card(
    tmp_path: Path, path: tuple[str, ...]
) -> None:
    assert "## Licence" in _card(tmp_path, _without(DESCRIBED, path), flat=RESULT)


@pytest.mark.parametrize("path", list(_paths(RESULT)), ids=".".join)
def test_an_older_result_that_lacks_a_key_does_not_matter(
    tmp_path: Path, path: tuple[str, ...]
) -> None:
    assert "## Scores" in _card(tmp_path, DESCRIBED, flat=_without(RESULT, path))


def test_export_writes_a_card_and_evaluation_adds_its_scores(tiny: Tiny, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny.model, tmp_path / "model"))
    shutil.rmtree(model / "metrics", ignore_errors=True)
    (model / "README.md").unlink()
    export(tiny_export(model))  # finished already
    assert "None yet" in (model / "README.md").read_text()
    result = evaluate(EvaluateSettings(index=model / "indexes" / "squares-flat"))
    score = json.loads(result.read_text())["scores"]["mAP"]
    card = (model / "README.md").read_text()
    assert f"| squares-flat | {score:.3f} |" in card
    assert "20 of the 24 queries of squares-flat are photographs that it learned from" in card
    assert "20 photographs of 5 landmarks of `squares`" in card
    assert "The records state no licence of those photographs." in card
