"""What may and what may not be had of a server."""

import dataclasses
import threading
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from demo.page import layout
from demo.protection.headers import HEADERS
from demo.protection.login import add_line
from demo.server import build_server
from demo.settings import ServerSettings
from demo.uploads.kept import Kept
from tests.tiny import Tiny


def serve(tiny: Tiny, **settings: Any) -> TestClient:
    served = ServerSettings(collections=(str(tiny.model.parent),), changes=False)
    chosen = dataclasses.replace(served, **settings)
    return TestClient(build_server(chosen), base_url="http://127.0.0.1")


def test_the_page_is_served_and_a_browser_is_told_what_it_may_do(client: TestClient) -> None:
    answer = client.get("/")
    assert "Landmark retrieval" in answer.text
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "address",
    [
        "/gradio_api/file=/etc/passwd", "/gradio_api/file=model.json", "/gradio_api/file/a.json",
        "/file=/etc/passwd", "/gradio_api/proxy=http://example.com/", "/gradio_api/runs",
        "/gradio_api/stream/a/b/c/playlist.m3u8", "/gradio_api/vibe-code", "/gradio_api/deep_link",
        "/gradio_api/custom_component/a/client/component/../../x.js", "/monitoring",
        "/monitoring/summary", "/gradio_api/dev/reload", "/gradio_api/token", "/docs", "/redoc",
        "/openapi.json", "/static/../../../etc/passwd", "/static/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/routes.py", "/svelte/../../routes.py", "/static//etc/passwd",
        "/.env", "/exported/model/model.json", "/gradio_api//file=/etc/passwd",
        "/gradio_api/../gradio_api/file=/etc/passwd", "/kept/..%2f..%2fetc%2fpasswd", "/kept/",
        "/photographs/model/squares-flat/..%2f..%2f..%2fetc%2fpasswd",
        "/photographs/model/squares-flat//etc/passwd", "/photographs/model/squares-flat/",
        "/photographs/..%2fmodel/squares-flat/x", "/photographs/model/none/x",
        "/photographs/model/squares-flat/a%00b",
    ],
)  # fmt: skip
def test_no_other_file_of_the_server_can_be_had(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code in (403, 404), answer.text
    assert len(answer.content) < 300
    assert "Traceback" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "address", ["/gradio_api/vibe-edit", "/gradio_api/run-history/connect", "/gradio_api/stream/a",
                "/gradio_api/process_recording", "/gradio_api/component_server"],
)  # fmt: skip
def test_what_gradio_could_be_posted_besides_is_closed(client: TestClient, address: str) -> None:
    assert client.post(address, json={}).status_code == 404


@pytest.mark.parametrize("path", ["/etc/passwd", "http://127.0.0.1/health", "setup.py"])
@pytest.mark.parametrize("address", ["call/search", "call/v2/search", "queue/join", "run/search"])
def test_no_request_makes_gradio_read_a_file(client: TestClient, path: str, address: str) -> None:
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    answer = client.post(f"/gradio_api/{address}", json={"data": [file], "photograph": file})
    assert answer.status_code == 400
    assert "sent to /gradio_api/upload first" in answer.json()["detail"]


@pytest.mark.parametrize(
    "address", ["/uploads", "/gradio_api/upload", "/api/search", "/gradio_api/queue/join"]
)
def test_bodies_are_limited_whether_or_not_their_length_is_told(
    client: TestClient, address: str
) -> None:
    form = {"content-type": "multipart/form-data; boundary=b"}
    begun = b"--b\r\ncontent-disposition: form-data; name=file; filename=f\r\n\r\n"
    told = client.post(address, content=begun + b"x" * 3_000_000, headers=form)
    assert told.status_code == 413
    parts = (begun, *[b"x" * 100_000] * 30)
    untold = client.post(address, content=(part for part in parts), headers=form)
    assert untold.status_code == 413
    assert "At most 2 MB" in untold.json()["detail"]


@pytest.mark.parametrize("address", ["/asked/search", "/asked/compare"])
def test_what_the_page_asks_is_short(client: TestClient, address: str) -> None:
    long = '{"photograph": null, "fields": {"where": "' + "x" * 200_000 + '"}}'
    headers = {"content-type": "application/json"}
    assert client.post(address, content=long, headers=headers).status_code == 413
    parts = (long[place : place + 10_000].encode() for place in range(0, len(long), 10_000))
    assert client.post(address, content=parts, headers=headers).status_code == 413


def test_another_sites_page_may_not_post(client: TestClient, photograph: bytes) -> None:
    files = {"file": photograph}
    for headers in (
        {"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1.evil.example"}, {"origin": "http://["},
    ):  # fmt: skip
        assert client.post("/uploads", files=files, headers=headers).status_code == 403
    for headers in ({"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"}, {}):
        assert client.post("/uploads", files=files, headers=headers).status_code == 200


def test_a_server_of_this_machine_alone_is_not_reached_by_another_name(client: TestClient) -> None:
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/health", headers={"host": "["}).status_code == 400
    assert client.get("/health", headers={"host": "localhost:7860"}).status_code == 200
    assert client.get("/health", headers={"host": "[::1]:7860"}).status_code == 200


def test_who_asks_too_often_is_told_when_to_ask_again(tiny: Tiny, photograph: bytes) -> None:
    with serve(tiny, per_minute=2) as client:
        codes = [client.post("/uploads", files={"file": photograph}).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        refused = client.post("/gradio_api/queue/join", json={})
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert "try again" in refused.json()["detail"]
        assert client.get("/health").status_code == 200
        other = {"x-forwarded-for": "1.2.3.4"}
        assert client.post("/uploads", files={"file": photograph}, headers=other).status_code == 429


def test_with_a_login_nothing_is_had_without_it(tiny: Tiny, tmp_path: Path) -> None:
    users = tmp_path / "users.txt"
    add_line(users, "ada", "correct horse")
    with serve(tiny, login=users) as client:
        for address in ("/", "/config", "/metrics", "/api/collections", "/gradio_api/info",
                        "/photographs/model/squares-flat/x", "/kept/x", "/assets/x"):  # fmt: skip
            assert client.get(address).status_code == 401
        assert client.post("/uploads").status_code == 401
        assert client.get("/health").status_code == 200
        client.auth = ("ada", "correct horse")
        assert client.get("/").status_code == 200
        assert client.get("/api/collections").status_code == 200


def test_an_unexpected_error_shows_no_trace(
    tiny: Tiny, photograph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr("demo.asking.service.Service.ask", fail)
    settings = ServerSettings(collections=(str(tiny.model.parent),), changes=False)
    client = TestClient(
        build_server(settings), base_url="http://127.0.0.1", raise_server_exceptions=False
    )
    with client:
        answer = client.post("/api/search", files={"file": photograph})
        assert answer.status_code == 500
        told = client.post("/gradio_api/call/v2/search", json={"photograph": ""}).json()
        by_gradio = client.get(f"/gradio_api/call/search/{told['event_id']}").text
    for text in (answer.text, by_gradio):
        assert "secret" not in text
        assert "Traceback" not in text


def test_health_and_measurements_are_told(client: TestClient, photograph: bytes) -> None:
    client.post("/api/search", files={"file": photograph})
    assert client.get("/health").json() == {"status": "ok", "collections": 1}
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    told = dict(
        line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")
    )
    assert int(told['landmark_queries_total{end="answered"}']) >= 1
    assert int(told['landmark_step_seconds_count{step="description"}']) >= 1
    assert int(told["landmark_query_seconds_count"]) >= 1
    assert float(told["landmark_memory_bytes"]) > 1e7
    assert int(told['landmark_requests_total{route="api",status="200"}']) >= 1


def test_uploads_are_swept_on_after_an_error(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    failed, again = threading.Event(), threading.Event()

    def sweep(_: Kept) -> None:
        if not failed.is_set():
            failed.set()
            raise OSError("the disk is full")
        again.set()

    monkeypatch.setattr("demo.server._SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(Kept, "sweep", sweep)
    with serve(tiny):
        assert again.wait(30)


def test_a_page_whose_event_takes_an_endpoints_name_is_refused(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page_with_search(*_: object) -> gr.Blocks:
        with gr.Blocks() as page:
            gr.Button().click(lambda: None, api_name="search")
        return page

    monkeypatch.setattr(layout, "build_page", page_with_search)
    with pytest.raises(ValueError, match="an event of the name search"):
        serve(tiny)
