import json

import pytest

from demo.protection.file_references import without_files
from demo.refusals import Refused

META = {"_type": "gradio.FileData"}


def body(path: object) -> bytes:
    return json.dumps(
        {"data": [1, {"photograph": {"path": path, "meta": META, "url": "x"}}]}
    ).encode()


def test_an_upload_is_named_by_its_token_and_no_file_to_gradio() -> None:
    found = json.loads(without_files(body("OIYeexTd_Wdc1bCk4Y9DBYdL")))
    assert found == {"data": [1, {"photograph": {"path": "OIYeexTd_Wdc1bCk4Y9DBYdL"}}]}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "../../etc/passwd", "http://169.254.169.254/latest", "file:///etc/passwd",
        "https://example.com/a.jpg", "model.json", "", 7, None, "OIYeexTd_Wdc1bCk4Y9DBYdL\n",
    ],
)  # fmt: skip
def test_whatever_else_a_request_names_is_refused(path: object) -> None:
    with pytest.raises(Refused, match="sent to /gradio_api/upload first"):
        without_files(body(path))


def test_another_spelling_does_not_help() -> None:
    spelled = body("/etc/passwd").replace(b"FileData", b"\\u0046ileData")
    assert b"gradio.FileData" not in spelled
    with pytest.raises(Refused):
        without_files(spelled)
    twice = body("OIYeexTd_Wdc1bCk4Y9DBYdL").replace(b'"url": "x"', b'"path": "/etc/passwd"')
    with pytest.raises(Refused):
        without_files(twice)


def test_what_names_no_file_passes_as_it_is() -> None:
    data = json.dumps({"data": ["a\nb", {"path": "/etc/passwd"}, None, 3.5]}).encode()
    assert json.loads(without_files(data)) == json.loads(data)
    assert without_files(b"{}") == b"{}"


@pytest.mark.parametrize(
    "encoding",
    ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig"],
)
def test_another_encoding_is_refused_whatever_it_names(encoding: str) -> None:
    text = body("/etc/passwd").decode()
    assert json.loads(text.encode(encoding)) == json.loads(text), "Gradio would read it"
    for one in (text, "{}"):
        with pytest.raises(Refused, match="not JSON in UTF-8"):
            without_files(one.encode(encoding))


@pytest.mark.parametrize(
    "data", [b"\\", b"gradio.FileData", b"[\\" * 100_000, b"[" * 100_000 + b"\\"]
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="not JSON"):
        without_files(data)
