import io
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from demo.catalogue import Catalogue, pick_examples
from demo.server import ServerSettings, build_server
from tests.tiny import Tiny


@pytest.fixture(scope="module")
def client(tiny: Tiny) -> Iterator[TestClient]:
    settings = ServerSettings(collections=(tiny.model.parent,))
    with TestClient(build_server(settings), base_url="http://127.0.0.1") as client:
        yield client


def test_an_upload_is_kept_upright_and_without_its_metadata(client: TestClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 30.0)}  # the position
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(buffer, "JPEG", exif=exif)
    answer = client.post("/uploads", files={"file": ("me.jpg", buffer.getvalue())})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["width"], told["height"]) == (48, 64)
    kept = client.get(f"/kept/{told['token']}")
    with Image.open(io.BytesIO(kept.content)) as image:
        assert image.size == (48, 64)
        assert not image.getexif()
    assert client.delete(f"/kept/{told['token']}").status_code == 204
    assert client.get(f"/kept/{told['token']}").status_code == 404


def test_the_page_is_served(client: TestClient) -> None:
    assert "Landmark retrieval" in client.get("/").text


def test_a_photograph_of_the_collection_is_served(client: TestClient, tiny: Tiny) -> None:
    catalogue = Catalogue([tiny.model.parent])
    (one,) = pick_examples(catalogue.engine("model/squares-flat"), 1)
    answer = client.get(f"/photographs/model/squares-flat/{one.id}?width=20")
    assert answer.status_code == 200
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (48, 40)
    assert client.get("/photographs/model/squares-flat/nothing").status_code == 404
