"""The whole page: what stands in it, and that it needs nothing else."""

import html.parser
import io
import itertools
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline import manifest
from pipeline.data.sources.source import content_id
from pipeline.report import Settings, main
from pipeline.reports.page import write_report
from pipeline.reports.pictures import data_address
from pipeline.scoring import found
from tests.reported import DISTRACTORS, HOSTILE, LANDMARKS, OF_EACH, Reported


class Parsed(html.parser.HTMLParser):
    """What a page says and loads, every element closed as it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, "all is closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        told = dict(attributes)
        self.loaded += [
            told[name] or "" for name in ("src", "srcset", "xlink:href") if name in told
        ]
        self.ids += [told["id"] or ""] if "id" in told else []
        if "href" in told:
            (self.links if tag == "a" else self.loaded).append(told["href"] or "")
        if tag not in ("img", "meta", "wbr"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.texts.append(" " if tag in ("th", "td", "p") else "")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def said(self) -> str:
        return " ".join("".join(self.texts).split())


@pytest.fixture(scope="module")
def text(made: Reported, tmp_path_factory: pytest.TempPathFactory) -> str:
    output = tmp_path_factory.mktemp("report") / "report.html"
    command = "python -m pipeline.report --results=x"
    assert write_report([made.plain, made.reordered], output, made_by=command) == output
    return output.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Parsed:
    return Parsed(text)


def test_the_page_needs_no_other_file(text: str, page: Parsed) -> None:
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert page.loaded
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.loaded)
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src &#x27;none&#x27;" in text, "a browser would load nothing"


def test_a_landmark_cannot_bring_a_script(text: str, page: Parsed) -> None:
    assert "<script" not in text.lower()
    assert HOSTILE in page.said, "its name is shown as it is"


def test_every_link_inside_the_page_leads_somewhere(page: Parsed) -> None:
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert len(inside) >= 5
    assert set(inside) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    others = {link for link in page.links if not link.startswith("#")}
    assert others == {"https://example.org/photograph"}


def test_scores_intervals_counts_and_commands_are_those_of_the_results(
    made: Reported, page: Parsed
) -> None:
    for path in (made.plain, made.reordered):
        told = json.loads(path.read_text())
        for name in ("mAP", "recall@1"):
            low, high = told["intervals"][name]
            assert f"{told['scores'][name]:.3f} ({low:.3f} to {high:.3f})" in page.said
        assert told["command"] in page.said
        assert f"Protocol: {told['protocol']}." in page.said
    assert "not known" in page.said, "what the model learned from"
    assert "python -m pipeline.report --results=x" in page.said


def test_every_chart_has_its_numbers_as_text(page: Parsed, made: Reported) -> None:
    # Precision by recall, two by time, loss, held-out score, similarities, two of calibration, map.
    charts = page.tags.count("figcaption") - page.tags.count("img")
    assert charts == 9
    curve = json.loads(made.reordered.read_text())["precision_at_recall"]
    assert all(f"{value:.3f}" in page.said for value in curve.values())
    assert "small, triplet loss, 1,234 records, 56 landmarks. Epoch 1 was kept" in page.said
    for number in ("1.5000", "0.7500", "0.4500"):
        assert number in page.said


def test_steps_are_told_with_their_gains(made: Reported, page: Parsed) -> None:
    steps = json.loads(made.reordered.read_text())["steps"]
    assert [step["step"] for step in steps[1:]] == ["expand2", "diffuse3"]
    for before, step in itertools.pairwise(steps):
        gain = step["scores"]["mAP"] - before["scores"]["mAP"]
        assert f"{gain:+.3f}" in page.said


def test_queries_are_framed_with_signs_and_authors(page: Parsed) -> None:
    # Of both results, 4 best and 4 worst queries with 5 results each.
    assert page.tags.count("img") == 2 * 8 * 6
    assert page.said.count("✓ right result") + page.said.count("✗ wrong result") == 2 * 8 * 5
    assert "✗ wrong result" in page.said
    assert "© Zoë CC BY 4.0" in page.said
    assert "no known landmark" in page.said


def test_landmarks_and_those_they_are_taken_for_are_told(made: Reported, page: Parsed) -> None:
    assert all(f"landmark_{label}" in page.said for label in range(1, LANDMARKS))
    queries = pq.read_table(found.path_of(made.plain))
    first = sum(not right[0] for right in queries["right"].to_pylist())
    told = sum(not all(right) for right in queries["right"].to_pylist())
    assert first
    assert (
        f"Of 50 queries {first} have a wrong photograph as their first result, {told} one among "
        "their first ten." in page.said
    )
    assert f"photographs of {LANDMARKS} landmarks, by the model's own vectors" in page.said
    others = (LANDMARKS - 8) * OF_EACH + DISTRACTORS
    assert "of the 8 landmarks that have most photographs" in page.said
    assert f"and {others} others, the grey dots" in page.said


def test_an_index_is_studied_once(page: Parsed) -> None:
    assert page.said.count("Map of descriptions") == 2, "its heading, and its chart's title"
    assert "As of made/made-flat: the index is the same." in page.said


def test_the_same_results_make_the_same_page(made: Reported, tmp_path: Path, text: str) -> None:
    command = "python -m pipeline.report --results=x"
    write_report([made.plain, made.reordered], tmp_path / "again.html", made_by=command)
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == text


def test_a_page_of_what_is_left_says_what_it_lacks(made: Reported, tmp_path: Path) -> None:
    model = Path(shutil.copytree(made.model, tmp_path / "exported" / "made"))
    shutil.rmtree(model / "embeddings")
    result = model / "metrics" / made.plain.name
    said = Parsed(write_report([result], tmp_path / "1.html").read_text("utf-8")).said
    assert "Worst queries" in said
    assert "The rest cannot be told:" in said
    shutil.rmtree(model / "indexes")
    shutil.rmtree(model / "training")
    said = Parsed(write_report([result], tmp_path / "2.html").read_text("utf-8")).said
    assert "is not here. Its queries and photographs cannot be shown." in said
    assert "made was not trained here, or learns nothing." in said
    assert "Worst queries" not in said


def test_photographs_that_are_gone_are_said_in_their_places(made: Reported, tmp_path: Path) -> None:
    photographs = made.model.parents[1] / "photos"
    moved = photographs.rename(tmp_path / "photos")
    try:
        page = Parsed(write_report([made.plain], tmp_path / "report.html").read_text("utf-8"))
    finally:
        moved.rename(photographs)
    assert "img" not in page.tags
    assert page.said.count("Cannot be read:") == 8 * 6


def test_a_result_without_curves_is_told_how_to_get_them(made: Reported, tmp_path: Path) -> None:
    model = Path(shutil.copytree(made.model, tmp_path / "exported" / "made"))
    result = model / "metrics" / made.plain.name
    told = json.loads(result.read_text())
    del told["precision_at_recall"]
    manifest.write_json(result, told)
    shutil.rmtree(model / "metrics" / "queries")
    said = Parsed(write_report([result], tmp_path / "report.html").read_text("utf-8")).said
    assert "No result tells its precision by recall" in said
    assert "Its queries and what they found were not kept; its command keeps them." in said


def test_the_stage_writes_the_page_and_its_own_command(
    made: Reported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.html"
    main(Settings(results=(str(made.plain),), output=output, queries=0))
    assert re.search(r"Report of 1 results, 0\.\d MB: .*report\.html", capsys.readouterr().out)
    page = Parsed(output.read_text("utf-8"))
    assert f"pipeline.report --results={made.plain} --output={output} --queries=0" in page.said
    assert "img" not in page.tags


def test_a_report_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--results names no file"):
        write_report([], tmp_path / "report.html")


def test_flags_of_the_other_job_are_refused() -> None:
    with pytest.raises(ValueError, match="--check has no effect with --results"):
        Settings(results=("x.json",), check=True)
    with pytest.raises(ValueError, match="--queries has no effect with pages; pass --results"):
        Settings(queries=1)
    with pytest.raises(ValueError, match="--queries is at least 0"):
        Settings(results=("x.json",), queries=-1)


def test_queries_of_unknown_landmarks_are_not_told_by_landmark(
    made: Reported, tmp_path: Path
) -> None:
    """As those of ground-truth files."""
    model = Path(shutil.copytree(made.model, tmp_path / "exported" / "made"))
    result = model / "metrics" / made.plain.name
    queries = pq.read_table(found.path_of(result))
    changed = queries.set_column(
        queries.column_names.index("landmark"), "landmark", pa.array([""] * len(queries))
    )
    pq.write_table(changed.slice(0, 1), found.path_of(result))
    said = Parsed(write_report([result], tmp_path / "report.html").read_text("utf-8")).said
    assert "Which landmarks the queries show is not known." in said
    assert "Landmarks taken for others" not in said
    assert "None: the queries above are all there are." in said


def test_queries_without_a_name_are_said_beside_the_landmarks(
    made: Reported, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(made.model, tmp_path / "exported" / "made"))
    result = model / "metrics" / made.plain.name
    queries = pq.read_table(found.path_of(result))
    names = ["", "", *queries["landmark"].to_pylist()[2:]]
    place = queries.column_names.index("landmark")
    changed = queries.set_column(place, "landmark", pa.array(names))
    pq.write_table(changed, found.path_of(result))
    said = Parsed(write_report([result], tmp_path / "report.html").read_text("utf-8")).said
    assert "2 queries of landmarks without a name are left out." in said


def test_a_query_is_drawn_from_its_own_file(made: Reported, tmp_path: Path) -> None:
    """One of another data set, whose id is that of a photograph in the index."""
    model = Path(shutil.copytree(made.model, tmp_path / "exported" / "made"))
    result = model / "metrics" / made.plain.name
    encoded = io.BytesIO()
    Image.new("RGB", (64, 48), (250, 0, 0)).save(encoded, "JPEG")
    (tmp_path / "asks.jpg").write_bytes(encoded.getvalue())
    (query,) = pq.read_table(found.path_of(result)).slice(0, 1).to_pylist()
    content = content_id(encoded.getvalue())
    own = {**query, "shard": str(tmp_path / "asks.jpg"), "content": content, "author": "Zelda"}
    pq.write_table(pa.Table.from_pylist([own]), found.path_of(result))
    text = write_report([result], tmp_path / "report.html").read_text("utf-8")
    assert data_address(np.asarray(Image.open(io.BytesIO(encoded.getvalue())))) in text
    assert "© Zelda" in text


def test_queries_that_an_earlier_version_kept_are_not_shown(made: Reported, tmp_path: Path) -> None:
    model = Path(shutil.copytree(made.model, tmp_path / "exported" / "made"))
    result = model / "metrics" / made.plain.name
    queries = pq.read_table(found.path_of(result))
    pq.write_table(queries.drop_columns(["shard"]), found.path_of(result))
    said = Parsed(write_report([result], tmp_path / "report.html").read_text("utf-8")).said
    assert "Its queries and what they found were not kept; its command keeps them." in said


def test_results_of_another_protocol_have_a_table_of_their_own(
    made: Reported, tmp_path: Path
) -> None:
    """A result of triplets has no index, no curve, and a score without an interval."""
    metrics = Path(shutil.copytree(made.model, tmp_path / "exported" / "made")) / "metrics"
    told = {
        "scores": {"triplet accuracy": 0.875, "median rank": 2.0},
        "intervals": {"triplet accuracy": [0.75, 1.0]},
        "protocol": "triplets",
        "queries": 8,
        "command": "python -m pipeline.evaluate_triplets --model=exported/made --triplets=a.tfrec",
    }
    manifest.write_json(metrics / "made-triplets.json", told)
    results = [metrics / made.plain.name, metrics / "made-triplets.json"]
    page = Parsed(write_report(results, tmp_path / "report.html").read_text("utf-8"))
    summary = page.said[: page.said.index("Commands that make these results again")]
    assert "Protocol: triplets. result triplet accuracy median rank" in summary
    assert "made/made-triplets 0.875 (0.750 to 1.000) 2.000 - - 8" in summary
    assert "Curves of different protocols do not compare." in page.said
    assert "This is no result of an index." in page.said
