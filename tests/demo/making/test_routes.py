import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from fastapi.testclient import TestClient

from demo.server import build_server
from demo.settings import ServerSettings
from tests.tiny import Tiny

OWN = {"origin": "http://localhost"}
OTHER = {"origin": "https://elsewhere.example"}


@pytest.fixture(scope="module")
def settings(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    return ServerSettings(
        collections=(str(tiny.model.parent),), changes=None, own=tmp_path_factory.mktemp("own")
    )


@pytest.fixture(scope="module")
def client(settings: ServerSettings) -> Iterator[TestClient]:
    with TestClient(build_server(settings), base_url="http://localhost") as client:
        yield client


def photograph(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    encoded: bytes = tf.io.encode_jpeg(pixels).numpy()
    return encoded


def test_photographs_arrive_one_by_one_and_can_be_forgotten(
    client: TestClient, settings: ServerSettings
) -> None:
    token = client.post("/arriving", headers=OWN).json()["token"]
    names = [("a.jpg", "Tower"), ("../../b.jpg", "..")]
    for count, (name, landmark) in enumerate(names, start=1):
        answer = client.put(
            f"/arriving/{token}",
            params={"name": name, "landmark": landmark},
            content=photograph(count),
        )
        assert answer.json() == {"count": count}
    basket = settings.own / "arriving" / token
    found = sorted(path.relative_to(basket).as_posix() for path in basket.rglob("*.jpg"))
    assert found == ["Tower/a.jpg", "b.jpg"]
    assert client.delete(f"/arriving/{token}").status_code == 204
    assert not basket.exists()
    gone = client.put(f"/arriving/{token}", content=photograph(1))
    assert gone.status_code == 404
    assert "Choose the photographs again" in gone.json()["detail"]


def test_what_is_too_large_or_no_photograph_is_refused(
    settings: ServerSettings, tmp_path: Path
) -> None:
    small = dataclasses.replace(settings, own=tmp_path, megabytes=0.01)
    with TestClient(build_server(small), base_url="http://localhost") as client:
        token = client.post("/arriving").json()["token"]
        for content, status in ((bytes(20_000), 413), (b"text", 400), (b"", 400)):
            answer = client.put(f"/arriving/{token}", params={"name": "a"}, content=content)
            assert answer.status_code == status
            assert str(tmp_path) not in answer.text


def test_another_site_can_neither_send_nor_stop_anything(client: TestClient) -> None:
    assert client.post("/arriving", headers=OTHER).status_code == 403
    assert client.put("/arriving/x", headers=OTHER, content=b"").status_code == 403
    assert client.post("/jobs/x/cancel", headers=OTHER).status_code == 403


@pytest.mark.parametrize("number", ["x", "..%2f..%2fetc", "20260101-000000-000000-abcdef"])
def test_jobs_that_are_not_there_are_not_found(client: TestClient, number: str) -> None:
    for action in ("cancel", "go_on"):
        assert client.post(f"/jobs/{number}/{action}").status_code in (404, 405)
    assert client.get("/jobs").json() == {"jobs": [], "is_at_work": False}


@pytest.mark.parametrize("changes", [False, None])
def test_where_changes_are_not_allowed_there_are_no_such_addresses(
    settings: ServerSettings, tmp_path: Path, changes: bool | None
) -> None:
    """By default they are allowed where this machine alone is served."""
    served = dataclasses.replace(settings, changes=changes, host="0.0.0.0", own=tmp_path / "own")
    with TestClient(build_server(served), base_url="http://localhost") as client:
        for method, address in (("POST", "/arriving"), ("PUT", "/arriving/x"), ("GET", "/jobs")):
            assert client.request(method, address).status_code == 404
    assert not (tmp_path / "own").exists()
