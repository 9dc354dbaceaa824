"""Photographs as small pictures, whole or with the reason why they are not shown."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data.sources.source import content_id
from pipeline.reports.pictures import SIDE, Framed, Pictures, data_address
from pipeline.stored_photograph import StoredPhotograph

FRAMED = Framed(look="wrong", sign="✗ wrong", title="result 2")


def photograph(path: Path, **changes: str) -> StoredPhotograph:
    """A red photograph in a file of its own."""
    Image.new("RGB", (30, 20), (200, 10, 10)).save(path)
    told = {
        "id": "one",
        "landmark": "Tower",
        "title": "Tower/1.png",
        "author": "",
        "license": "",
        "url": "",
        "date": "",
        "content": content_id(path.read_bytes()),
    }
    return StoredPhotograph(label=1, shard=str(path), offset=-1, **{**told, **changes})


@pytest.mark.parametrize(("height", "width"), [(600, 300), (300, 600), (20, 30)])
def test_a_picture_is_a_small_jpeg_of_the_same_shape(height: int, width: int) -> None:
    address = data_address(np.full((height, width, 3), (200, 10, 10), np.uint8))
    kind, _, encoded = address.partition(",")
    assert kind == "data:image/jpeg;base64"
    small = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert max(small.size) == min(SIDE, max(height, width))
    assert small.width / small.height == width / height
    np.testing.assert_allclose(np.asarray(small)[0, 0], (200, 10, 10), atol=12)


def test_a_frame_tells_right_from_wrong_in_letters_too(tmp_path: Path) -> None:
    found = Pictures().figure(photograph(tmp_path / "1.png"), FRAMED)
    assert 'class="photograph wrong"' in found
    assert "<strong>✗ wrong</strong> result 2" in found
    assert 'alt="✗ wrong, result 2: Tower"' in found
    assert ">1.png</small>" in found, "the landmark is not said twice"


def test_a_photograph_that_is_gone_is_said(tmp_path: Path) -> None:
    gone = photograph(tmp_path / "1.png")
    (tmp_path / "1.png").unlink()
    found = Pictures().figure(gone, FRAMED)
    assert (
        f"Cannot be read: {tmp_path / '1.png'}, which holds the photograph one, is missing" in found
    )
    assert "<img" not in found


def test_a_photograph_that_was_replaced_is_said(tmp_path: Path) -> None:
    found = Pictures().figure(photograph(tmp_path / "1.png", content="0" * 16), FRAMED)
    assert "has been replaced since it was described" in found


def test_a_file_is_read_once(tmp_path: Path) -> None:
    pictures, one = Pictures(), photograph(tmp_path / "1.png")
    first = pictures.figure(one, FRAMED)
    (tmp_path / "1.png").unlink()
    assert pictures.figure(one, FRAMED) == first


def test_authors_and_licences_are_shown_with_a_link(tmp_path: Path) -> None:
    one = photograph(
        tmp_path / "1.png", author="<Zoë>", license="CC BY 4.0", url="https://example.org/?a=1&b"
    )
    found = Pictures().figure(one, FRAMED)
    assert (
        '<a href="https://example.org/?a=1&amp;b" rel="noreferrer">'
        "1.png, © &lt;Zoë&gt; CC BY 4.0</a>"
    ) in found


def test_a_link_leads_to_the_web_only(tmp_path: Path) -> None:
    one = photograph(tmp_path / "1.png", author="Zoë", url="javascript:alert(1)")
    assert "javascript" not in Pictures().figure(one, FRAMED)
