import html
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.report import Settings, main, report
from pipeline.reports.pages import with_tables

COMMAND = "python -m pipeline.evaluate --index=exported/one/indexes/city-flat"


def write_result(exported: Path, name: str, **more: Any) -> None:
    model, result = name.split("/")
    told = {
        "scores": {"mAP": 0.79651, "recall@1": 1.0},
        "index": {"kind": "flat"},
        "command": COMMAND,
        **more,
    }
    path = exported / model / "metrics" / f"{result}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))


def page(first: str, kind: str = "scores") -> str:
    return f"Before\n<!-- {kind}: {first} -->\nold\n<!-- end of {kind} -->\nbehind\n"


def test_a_table_of_scores_is_made_of_the_results_it_names(tmp_path: Path) -> None:
    write_result(tmp_path, "one/city-flat", intervals={"mAP": [0.75, 0.84]})
    write_result(tmp_path, "two/city-flat", command=f"{COMMAND} --expand=3")
    made = with_tables(page("one/city-flat two/city-flat; mAP recall@1"), tmp_path, "page.md")
    assert made.splitlines() == [
        "Before",
        "<!-- scores: one/city-flat two/city-flat; mAP recall@1 -->",
        "| model | index | mAP | recall@1 | made by |",
        "| --- | --- | --- | --- | --- |",
        f"| one | flat | .797 (.750 to .840) | 1.000 | `{COMMAND}` |",
        f"| two | flat `--expand=3` | .797 | 1.000 | `{COMMAND} --expand=3` |",
        "<!-- end of scores -->",
        "behind",
    ]
    assert with_tables(made, tmp_path, "page.md") == made


def test_a_table_of_steps_tells_what_each_gains_and_takes(tmp_path: Path) -> None:
    def step(name: str, score: float, seconds: float = 0.0, ms: float = 2.5) -> dict[str, Any]:
        return {"step": name, "scores": {"mAP": score}, "milliseconds": ms, "seconds": seconds}

    steps = [
        step("as it is", 0.5),
        step("augment2", 0.625, 1.5),
        step("expand2", 0.6),
        step("augment2, having seen the query", 0.9, ms=0.0),
    ]
    write_result(tmp_path, "one/city-flat", steps=steps)
    made = with_tables(page("one/city-flat; mAP", "steps"), tmp_path, "page.md").splitlines()
    assert made[2:8] == [
        "| model | step | mAP | gain in mAP | ms a query | s once |",
        "| --- | --- | --- | --- | --- | --- |",
        "| one | as it is | .500 |  | 2.5 |  |",
        "| one | augment2 | .625 | +.125 | 2.5 | 1.5 |",
        "| one | expand2 | .600 | -.025 | 2.5 |  |",
        "| one | augment2, having seen the query | .900 |  |  |  |",
    ]
    assert made[9:12] == ["```sh", COMMAND, "```"]


def compared(**more: Any) -> dict[str, Any]:
    """A row of a comparison."""
    return {
        "method": "hog",
        "index": "flat",
        "start": "",
        "scores": {"mAP": 0.10249, "recall@1": 0.5},
        "intervals": {"mAP": [0.09, 0.125]},
        "queries_trained_on": 0,
        "landmarks_trained_on": 0,
        "image_size": None,
        "dimension": 3780,
        "bytes": 15120.4,
        "extraction_milliseconds": 12.4,
        "query_milliseconds": 0.055,
        "build_seconds": 0.04,
        "command": "python -m pipeline.compare --methods=hog",
        **more,
    }


def write_comparison(exported: Path, *rows: dict[str, Any]) -> Path:
    path = exported / "comparisons" / "city" / "comparison.json"
    path.parent.mkdir(parents=True)
    told = {
        "photographs": 24,
        "landmarks": 6,
        "distractors": 4,
        "rows": rows,
        "missing": {"delf": "it is nowhere"},
        "command": "python -m all",
    }
    path.write_text(json.dumps(told))
    return path


def test_a_comparison_tells_what_methods_find_and_cost(tmp_path: Path) -> None:
    network = {"method": "net", "start": "ImageNet", "image_size": 96}
    learned = {"queries_trained_on": 1200, "landmarks_trained_on": 3}
    unknown = {"queries_trained_on": None, "landmarks_trained_on": None}
    write_comparison(
        tmp_path, compared(), compared(**network, **learned), compared(method="delg", **unknown)
    )
    made = with_tables(page("city; mAP recall@1", "comparison"), tmp_path, "page.md").splitlines()
    costs = "3,780 | 15,120 | 12 | 0.06 | 0.0"
    scores = ".102 (.090 to .125) | .500"
    command, said = f"`{compared()['command']}`", "1,200 queries, 3 landmarks"
    header = (
        *("method", "index", "weights", "px", "mAP", "recall@1", "numbers", "bytes"),
        *("extract ms", "query ms", "build s", "learned from", "made by"),
    )
    assert made[2:9] == [
        f"| {' | '.join(header)} |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        f"| hog | flat |  |  | {scores} | {costs} |  | {command} |",
        f"| net | flat | ImageNet | 96 | {scores} | {costs} | {said} | {command} |",
        f"| delg | flat |  |  | {scores} | {costs} | unknown | {command} |",
        "",
        "`delf` was not made: it is nowhere",
    ]
    assert "python -m all" in made


def test_a_comparison_of_an_earlier_version_is_an_error(tmp_path: Path) -> None:
    row = compared()
    del row["image_size"]
    write_comparison(tmp_path, row)
    with pytest.raises(ValueError, match=r"page\.md: city is of another version.* image_size"):
        with_tables(page("city; mAP", "comparison"), tmp_path, "page.md")


def test_a_comparison_is_reported_with_its_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "<script>nowhere</script>"
    path = write_comparison(tmp_path, compared(command=f"python -m pipeline.compare {hostile}"))
    output = tmp_path / "report.html"
    main(Settings(results=(str(path),), output=output))
    assert "Report of 1 results" in capsys.readouterr().out
    text = output.read_text(encoding="utf-8")
    assert "24 photographs, 6 landmarks, 4 distractors" in text
    assert ".102 (.090 to .125)" in text
    assert "delf was not made: it is nowhere" in text
    assert "python -m all" in text
    assert html.escape(hostile) in text
    assert hostile not in text
    assert 'href="#curves"' not in text, "there is no single result"


def test_a_page_that_is_as_its_results_is_left_alone(tmp_path: Path) -> None:
    write_result(tmp_path, "one/city-flat")
    path = tmp_path / "page.md"
    path.write_text(page("one/city-flat; mAP"))
    settings = Settings(pages=(str(path),), exported=tmp_path)
    with pytest.raises(ValueError, match=r"page\.md differ from the results"):
        report(Settings(pages=(str(path),), exported=tmp_path, check=True))
    assert "old" in path.read_text(), "a check writes nothing"
    assert report(settings) == [path]
    assert report(settings) == []
    assert report(Settings(pages=(str(path),), exported=tmp_path, check=True)) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (page("one/city-flat; mAP@7"), "has no mAP@7. Received: mAP, recall@1"),
        (page("one/city-flat; mAP", "steps"), "has no steps"),
        (page("one/city-flat; mAP", "stepps"), "page.md: a table is of scores, steps, .*stepps"),
        ("<!-- comparision: city; mAP -->\n", "page.md: a table is of .* Received: comparision"),
        (page("one/city-flat"), "page.md: of 1 tables one has no columns"),
        (
            "<!-- scores: one/city-flat; mAP -->\n| a |\n",
            "page.md: of 1 tables one has no columns",
        ),
    ],
)
def test_a_table_that_cannot_be_made_is_an_error(tmp_path: Path, text: str, told: str) -> None:
    write_result(tmp_path, "one/city-flat")
    with pytest.raises(ValueError, match=told):
        with_tables(text, tmp_path, "page.md")


def test_a_result_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"one/metrics/city-flat\.json"):
        with_tables(page("one/city-flat; mAP"), tmp_path, "page.md")


def test_a_page_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.md is no page"):
        report(Settings(pages=(str(tmp_path / "gone.md"),)))


def test_other_comments_are_left_alone(tmp_path: Path) -> None:
    text = "<!-- note: to whom it may concern -->\n"
    assert with_tables(text, tmp_path, "page.md") == text
