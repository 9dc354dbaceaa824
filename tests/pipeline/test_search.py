import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from pipeline.embeddings import files
from pipeline.search import Settings, draw, find_duplicates, main, parse_box, search, table_of
from tests import vector_collections
from tests.tiny import Tiny
from tests.vector_collections import DIMENSION, photographs


def test_a_search_lists_and_draws_what_it_found(tiny: Tiny, tmp_path: Path) -> None:
    mosaic = tmp_path / "mosaic.png"
    settings = Settings(
        index=tiny.index,
        photo=tiny.photos / "landmark 3" / "2.jpg",
        box=("0", "0", "48", "40"),
        k=7,
        mosaic=mosaic,
    )
    results = search(settings).results
    draw(settings, results)
    lines = table_of(results).splitlines()
    assert len(lines) == 8
    assert lines[1].split() == ["1", "1.000", "-", "landmark", "3", "landmark", "3/2.jpg"]
    # Five cells of 2.4 inches side by side, two rows of 2.76, at 100 pixels an inch.
    assert tf.io.decode_png(mosaic.read_bytes()).shape[:2] == (552, 1200)


def test_conditions_limit_what_is_found(tiny: Tiny) -> None:
    photo = tiny.photos / "landmark 3" / "2.jpg"
    where = ("landmark=landmark 1|landmark 2", "title~0.jpg")
    results = search(Settings(index=tiny.index, photo=photo, k=7, where=where)).results
    titles = sorted(result.photograph.title for result in results)
    assert titles == ["landmark 1/0.jpg", "landmark 2/0.jpg"]
    with pytest.raises(ValueError, match="place=x is on no column"):
        search(Settings(index=tiny.index, photo=photo, where=("place=x",)))


def test_all_that_are_similar_enough_are_found(tiny: Tiny) -> None:
    photo = tiny.photos / "landmark 3" / "2.jpg"
    every = search(Settings(index=tiny.index, photo=photo, k=24)).results
    least = every[12].similarity
    found = search(Settings(index=tiny.index, photo=photo, least=least - 1e-6)).results
    assert [one.photograph.id for one in found] == [one.photograph.id for one in every[:13]]
    assert search(Settings(index=tiny.index, photo=photo, least=1.5)).results == []


def test_a_mosaic_shows_no_more_than_can_be_seen_and_any_letters(
    tiny: Tiny, tmp_path: Path
) -> None:
    photo = tiny.photos / "landmark 3" / "2.jpg"
    settings = Settings(index=tiny.index, photo=photo, k=1, mosaic=tmp_path / "mosaic.png")
    (result,) = search(settings).results
    named = dataclasses.replace(result.photograph, landmark="東京タワー")
    draw(settings, [dataclasses.replace(result, photograph=named)] * 70)
    # The query and 50 results in rows of five: 11 rows of 2.76 inches, at 100 pixels an inch.
    assert tf.io.decode_png(settings.mosaic.read_bytes()).shape[:2] == (3036, 1200)


def test_an_index_may_be_named_from_its_own_folder(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.index.parent)
    photo = tiny.photos / "landmark 3" / "2.jpg"
    (result,) = search(Settings(index=Path(tiny.index.name), photo=photo, k=1)).results
    assert result.photograph.title == "landmark 3/2.jpg"


def test_a_folder_is_not_replaced_by_a_mosaic(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--mosaic=.* is a folder"):
        Settings(index=Path("index"), photo=Path("a.jpg"), mosaic=tmp_path)
    with pytest.raises(ValueError, match="is the query itself"):
        Settings(index=Path("index"), photo=Path("a.jpg"), mosaic=Path("./a.jpg"))
    with pytest.raises(ValueError, match=r"--k is at least 1\. Received: 0"):
        Settings(index=Path("index"), photo=Path("a.jpg"), k=0)


def test_a_photograph_without_a_landmark_is_listed_by_its_name(tiny: Tiny, tmp_path: Path) -> None:
    (result, *_) = search(
        Settings(
            index=tiny.index,
            photo=tiny.photos / "landmark 3" / "2.jpg",
            mosaic=tmp_path / "mosaic.png",
        )
    ).results
    nameless = dataclasses.replace(result.photograph, landmark="", title="")
    unknown = dataclasses.replace(result, photograph=nameless)
    assert table_of([unknown]).splitlines()[1].split() == ["1", "1.000", "-", "-", nameless.id]


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,2,3,4"])
def test_a_box_is_four_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="four whole numbers"):
        parse_box(tuple(text.split(",")))
    assert parse_box(("1", "2", "3", "-4")) == (1, 2, 3, -4)
    assert parse_box(None) is None


def test_duplicates_are_listed_written_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a model: there is one in name only. Photographs 0, 2 and 3 are equal, 1 and 4."""
    vectors = np.eye(DIMENSION, dtype=np.float32)[[0, 1, 0, 0, 1, 2]]
    rows = photographs(np.array([0, 1, 0, 5, -1, 2]))
    model = vector_collections.embed(tmp_path / "model", "made", vectors, rows)
    index, output = vector_collections.build(model, "flat"), tmp_path / "duplicates.csv"
    main(Settings(index=index, photo=None, duplicates=True, output=output))
    *table, summary = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["group", "similarity", "id", "landmark", "file"]
    assert {tuple(line.split()[:2]) for line in table[1:4]} == {("1", "1.000")}
    assert {line.split()[3] for line in table[1:4]} == {"0", "2", "3"}
    assert {line.split()[3] for line in table[4:]} == {"1", "4"}
    assert summary == (
        "5 photographs in 2 groups of duplicates; in 1 of the groups landmarks differ."
    )
    with output.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["group"] for row in written] == ["1", "1", "1", "2", "2"]
    assert {row["landmark"] for row in written[:3]} == {'landmark "0"', 'landmark "5"'}
    main(Settings(index=index, photo=None, duplicates=True, where=("label<=0",)))
    assert capsys.readouterr().out.splitlines()[-1].startswith("2 photographs in 1 groups")


def test_a_duplicate_is_named_by_its_own_file_or_by_its_title(tmp_path: Path) -> None:
    vectors = np.eye(DIMENSION, dtype=np.float32)[[0, 0, 0]]
    columns = photographs(np.zeros(3, int)).to_pydict() | {
        "offset": [-1, 7, 7],
        "title": ["1.jpg", "2.jpg", ""],
        "shard": ["/photos/1.jpg", "a.tfrecord", "b.tfrecord"],
    }
    rows = pa.table(columns, files.OF_SEVERAL)
    model = vector_collections.embed(tmp_path / "model", "made", vectors, rows, pairs=1)
    index = vector_collections.build(model, "flat")
    found = find_duplicates(Settings(index=index, photo=None, duplicates=True))
    assert {one.file for one in found} == {"/photos/1.jpg", "2.jpg", "b.tfrecord"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({}, "Pass --photo=FILE to search for, or --duplicates"),
        ({"duplicates": True, "photo": Path("a.jpg")}, "--photo has no effect with --duplicates"),
        ({"duplicates": True, "box": ("1",)}, "--box has no effect with --duplicates"),
        ({"photo": Path("a.jpg"), "box_from": "feature_map"}, "--box_from has no effect with no"),
        ({"duplicates": True, "k": 3}, "--k has no effect with --duplicates"),
        ({"photo": Path("a.jpg"), "least": 0.9, "k": 3}, "--k has no effect with --least"),
        ({"photo": Path("a.jpg"), "output": Path("a.csv")}, "--output has no effect with --photo"),
        ({"duplicates": True, "output": Path("/")}, "--output=/ is a folder; name a CSV file"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(index=Path("index"), **flags)


def test_results_are_reordered_and_that_is_said(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, mosaic = tiny.photos / "landmark 3" / "2.jpg", tmp_path / "mosaic.png"
    main(Settings(index=tiny.index, photo=photo, k=3, mosaic=mosaic, expand=3, diffuse=4))
    assert "Reordered by expand3, diffuse4; similarities are" in capsys.readouterr().out


def test_reordering_has_no_part_in_duplicates_or_all_that_are_similar(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--expand has no effect with --duplicates"):
        Settings(index=tmp_path, duplicates=True, expand=3)
    with pytest.raises(ValueError, match="--diffuse has no effect with --least"):
        Settings(index=tmp_path, photo=tmp_path / "query.jpg", least=0.5, diffuse=3)
