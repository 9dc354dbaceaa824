import asyncio
import io
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from demo.answers import photograph_address
from demo.catalogue import pick_examples
from pipeline.engine import Engine
from tests.tiny import Tiny

METHOD = "model/squares-flat"


def size_of(encoded: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(encoded)) as image:
        return image.size


def test_an_upload_is_kept_upright_and_forgotten_when_asked(client: TestClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), (200, 30, 30)).save(buffer, "JPEG", exif=exif)
    answer = client.post("/uploads", files={"any": ("me.jpg", buffer.getvalue())})
    told = answer.json()
    assert (told["width"], told["height"]) == (480, 640)
    kept = client.get(f"/kept/{told['token']}")
    assert size_of(kept.content) == (480, 640)
    assert kept.headers["cache-control"] == "private, no-store"
    assert size_of(client.get(f"/kept/{told['token']}?width=200").content) == (320, 427)
    assert client.delete(f"/kept/{told['token']}").status_code == 204
    gone = client.get(f"/kept/{told['token']}")
    assert gone.status_code == 404
    assert "Upload it again" in gone.json()["detail"]


def test_one_photograph_is_sent_at_a_time_and_as_a_form(
    client: TestClient, photograph: bytes
) -> None:
    two = client.post("/uploads", files={"a": photograph, "b": photograph})
    none = client.post("/uploads", data={"a": "text"}, files={})
    bare = client.post("/uploads", content=photograph)
    text = client.post("/uploads", files={"a": ("a.jpg", b"no photograph")})
    assert [answer.status_code for answer in (two, none, bare, text)] == [400] * 4
    assert "curl -F" in bare.json()["detail"]
    assert "Choose a JPEG" in text.json()["detail"]


def test_photographs_of_the_collection_are_served_at_the_width_asked_for(
    client: TestClient, tiny: Tiny
) -> None:
    (one,) = pick_examples(Engine(tiny.index), 1)
    address = photograph_address(METHOD, one.id, 20)
    answer = client.get(address)
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(answer.content)) as image:
        np.testing.assert_allclose(np.asarray(image), one.read_image(), atol=60)
        assert not image.getexif()
    assert "max-age" in answer.headers["cache-control"]
    tag = {"if-none-match": answer.headers["etag"]}
    assert client.get(address, headers=tag).status_code == 304
    for width in ("0", "-1", "x", "99999999"):
        wrong = client.get(f"{photograph_address(METHOD, one.id)}?width={width}")
        assert wrong.status_code == 422


@pytest.mark.parametrize("odd", ["a b/c?d#e%20.jpg", "../../up", "é&=+", "%2e%2e%2f"])
def test_ids_of_any_letters_have_an_address(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    asked = []

    def photograph(_: object, name: str, one: str) -> None:
        asked.append((name, one))
        raise ValueError("seen")

    async def get() -> None:
        transport = httpx.ASGITransport(app=client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
            await browser.get(photograph_address(METHOD, odd))

    monkeypatch.setattr("demo.catalogue.Catalogue.photograph", photograph)
    with pytest.raises(ValueError, match="seen"):
        asyncio.run(get())  # a TestClient would unquote the address twice
    assert asked == [(METHOD, odd)]
    assert "/" not in quote(odd, safe="")


def test_a_photograph_that_was_replaced_is_not_served(
    client: TestClient, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file now leads to another; what is served is known by its content."""
    (one,) = pick_examples(Engine(tiny.index), 1)
    secret = tmp_path / "secret.jpg"
    Image.new("RGB", (64, 64)).save(secret)
    linked = tmp_path / "linked.jpg"
    linked.symlink_to(secret)
    changed = type(one)(**{**vars(one), "shard": str(linked), "offset": -1})
    monkeypatch.setattr("demo.catalogue.Catalogue.photograph", lambda *_: changed)
    answer = client.get(photograph_address(METHOD, one.id))
    assert answer.status_code == 500
    assert str(tmp_path) not in answer.text
    secret.unlink()
    gone = client.get(photograph_address(METHOD, one.id))
    assert gone.status_code == 404
    assert str(tmp_path) not in gone.text
