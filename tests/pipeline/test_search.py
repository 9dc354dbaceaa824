import dataclasses
from pathlib import Path

import pytest
import tensorflow as tf

from pipeline.search import Settings, format_table, parse_box, search
from tests.tiny import Tiny


def test_a_search_lists_and_draws_what_it_found(tiny: Tiny, tmp_path: Path) -> None:
    mosaic = tmp_path / "mosaic.png"
    results = search(
        Settings(
            index=tiny.index,
            photo=tiny.photos / "landmark 3" / "2.jpg",
            box=("0", "0", "48", "40"),
            k=7,
            mosaic=mosaic,
        )
    )
    lines = format_table(results).splitlines()
    assert len(lines) == 8
    assert lines[1].split() == ["1", "1.000", "landmark", "3", "landmark", "3/2.jpg"]
    # Five cells of 2.4 inches side by side, two rows of 2.76, at 100 pixels an inch.
    assert tf.io.decode_png(mosaic.read_bytes()).shape[:2] == (552, 1200)


def test_a_folder_is_not_replaced_by_a_mosaic(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--mosaic=.* is a folder"):
        Settings(index=Path("index"), photo=Path("a.jpg"), mosaic=tmp_path)
    with pytest.raises(ValueError, match=r"--k is at least 1\. Received: 0"):
        Settings(index=Path("index"), photo=Path("a.jpg"), k=0)


def test_a_photograph_without_a_landmark_is_listed_by_its_name(tiny: Tiny, tmp_path: Path) -> None:
    (result, *_) = search(
        Settings(
            index=tiny.index,
            photo=tiny.photos / "landmark 3" / "2.jpg",
            mosaic=tmp_path / "mosaic.png",
        )
    )
    nameless = dataclasses.replace(result.photograph, landmark="", title="")
    unknown = dataclasses.replace(result, photograph=nameless)
    assert format_table([unknown]).splitlines()[1].split() == ["1", "1.000", "-", nameless.id]


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,2,3,4"])
def test_a_box_is_four_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="four whole numbers"):
        parse_box(tuple(text.split(",")))
    assert parse_box(("1", "2", "3", "-4")) == (1, 2, 3, -4)
    assert parse_box(None) is None
