"""One server of the demo for many tests, over the tiny collection."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from demo.server import build_server
from demo.settings import ServerSettings
from tests.tiny import Tiny


@pytest.fixture(scope="session")
def client(tiny: Tiny) -> Iterator[TestClient]:
    """Asks a server of the tiny collection, as often as it likes."""
    settings = ServerSettings(
        collections=(str(tiny.model.parent),), changes=False, per_minute=1e6, megabytes=1
    )
    with TestClient(build_server(settings), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture(scope="session")
def photograph(tiny: Tiny) -> bytes:
    """The first photograph of landmark 1, which the collection holds."""
    return (tiny.photos / "landmark 1" / "0.jpg").read_bytes()


def sizes_of(encoded: bytes) -> tuple[int, int]:
    """Width and height of a picture."""
    with Image.open(io.BytesIO(encoded)) as image:
        return image.size


def post_search(client: TestClient, photograph: bytes, **fields: Any) -> Any:
    """Searches as curl does."""
    return client.post("/api/search", files={"file": photograph}, data=fields)
