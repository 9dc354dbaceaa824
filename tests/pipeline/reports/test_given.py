"""Results as files: what is missing, old or of another index is said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import manifest
from pipeline.reports.given import read_results
from tests.reported import Reported


@pytest.fixture
def own(made: Reported, tmp_path: Path) -> Path:
    """A result that may be changed, in a model that may be."""
    model = Path(shutil.copytree(made.model, tmp_path / "exported" / "made"))
    return model / "metrics" / made.plain.name


def change(path: Path, change_of: Callable[[dict[str, Any]], object]) -> None:
    told = json.loads(path.read_text())
    change_of(told)
    manifest.write_json(path, told)


def test_a_result_is_read_with_its_index_and_queries(made: Reported) -> None:
    (one,) = read_results([made.plain, made.plain])
    assert one.name == "made/made-flat"
    assert one.index == made.index
    assert one.queries is not None
    assert len(one.queries) == one.told["queries"] == 50
    assert one.main_score == "mAP"
    assert one.milliseconds == one.described["milliseconds_per_query"]


def test_milliseconds_of_reordered_results_are_of_all_steps(made: Reported) -> None:
    (one,) = read_results([made.reordered])
    steps = json.loads(made.reordered.read_text())["steps"]
    assert [step["step"] for step in steps] == ["as it is", "expand2", "diffuse3"]
    assert one.milliseconds == pytest.approx(sum(step["milliseconds"] for step in steps))


def test_a_step_that_has_seen_the_query_takes_none_of_the_milliseconds(own: Path) -> None:
    steps = [
        {"step": "as it is", "milliseconds": 1.5},
        {"step": "augment2, having seen the query", "milliseconds": 9.0},
        {"step": "augment2", "milliseconds": 2.0},
    ]
    change(own, lambda told: told.update(steps=steps))
    assert read_results([own])[0].milliseconds == 3.5


def test_a_missing_result_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.json is missing; make it with"):
        read_results([tmp_path / "none.json"])


def test_a_result_of_an_earlier_version_is_told_the_command(own: Path) -> None:
    change(own, lambda told: told.pop("intervals"))
    with pytest.raises(ValueError, match=r"lacks intervals; make it again with `python -m pipeli"):
        read_results([own])


def test_a_damaged_result_is_told(own: Path) -> None:
    own.write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        read_results([own])


def test_an_index_that_is_gone_is_said(own: Path, made: Reported) -> None:
    folder = own.parent.parent / "indexes" / made.index.name
    shutil.rmtree(folder)
    (one,) = read_results([own])
    assert one.index is None
    assert one.lacking == f"The index {folder} is not here."
    assert one.milliseconds is None


def test_an_index_of_another_model_is_not_taken_for_the_results(own: Path) -> None:
    change(own, lambda told: told["index"].update(model_fingerprint="0" * 64))
    (one,) = read_results([own])
    assert one.index is None
    assert "has been built by another model since" in one.lacking


def test_a_result_of_no_index_is_read_too(own: Path) -> None:
    command = "python -m pipeline.evaluate_triplets --model=exported/made --triplets=a.tfrec"
    change(own, lambda told: told.update(command=command) or told.pop("index"))
    assert read_results([own])[0].lacking == "This is no result of an index."


def test_queries_that_were_not_kept_are_none(own: Path) -> None:
    shutil.rmtree(own.parent / "queries")
    assert read_results([own])[0].queries is None
