import base64
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pipeline.engine import Engine
from pipeline.query_photograph import read_photograph
from tests.tiny import Tiny

METHOD = "model/squares-flat"


def by_form(client: TestClient, photograph: bytes, **fields: Any) -> Any:
    """As curl asks."""
    return client.post("/api/search", files={"file": photograph}, data=fields)


def by_gradio(client: TestClient, name: str, **named: Any) -> tuple[str, Any]:
    """As ``gradio_client`` asks: how it ended, and what was answered."""
    event = client.post(f"/gradio_api/call/v2/{name}", json=named).json()["event_id"]
    lines = client.get(f"/gradio_api/call/{name}/{event}").text.splitlines()
    data = json.loads(lines[-2].removeprefix("data: ") if not lines[-1] else lines[-1][6:])
    return lines[0].removeprefix("event: "), data


def upload(client: TestClient, photograph: bytes) -> dict[str, Any]:
    (token,) = client.post("/gradio_api/upload", files={"files": photograph}).json()
    return {"path": token, "meta": {"_type": "gradio.FileData"}}


def test_all_ways_to_ask_give_what_the_engine_finds(
    client: TestClient, tiny: Tiny, photograph: bytes
) -> None:
    image = read_photograph(tiny.photos / "landmark 1" / "0.jpg")
    expected = Engine(tiny.index).search(image, 3)
    encoded = base64.b64encode(photograph).decode()
    answers = [
        by_form(client, photograph, k=3, method=METHOD).json(),
        by_gradio(client, "search", photograph=encoded, k=3, method=METHOD)[1][0],
        by_gradio(
            client, "search", photograph=f"data:image/jpeg;base64,{encoded}", k=3, method=METHOD
        )[1][0],
    ]
    for answer in answers:
        assert answer["method"] == METHOD
        assert [one["id"] for one in answer["results"]] == [r.photograph.id for r in expected]
        first = answer["results"][0]
        assert first["similarity"] == pytest.approx(1, abs=1e-3)
        assert first["landmark"] == "landmark 1"
        assert first["matches"] is None
        assert set(answer["milliseconds"]) == {"photograph", "description", "search"}
        assert client.get(first["photograph"]).status_code == 200


def test_an_uploaded_file_is_searched_once_and_forgotten(
    client: TestClient, photograph: bytes
) -> None:
    file = upload(client, photograph)
    ended, found = by_gradio(client, "search", photograph=file, method=METHOD)
    assert ended == "complete"
    assert found[0]["results"][0]["landmark"] == "landmark 1"
    ended, told = by_gradio(client, "search", photograph=file, method=METHOD)
    assert ended == "error"
    assert "there no more" in json.dumps(told)


def test_a_box_conditions_and_switches_reach_the_search(
    client: TestClient, photograph: bytes
) -> None:
    fields = {"method": METHOD, "k": 24, "where": ["landmark!=landmark 1", "id!=x"]}
    found = by_form(client, photograph, **fields).json()["results"]
    assert len(found) == 20
    assert "landmark 1" not in {one["landmark"] for one in found}
    reordered = by_form(client, photograph, method=METHOD, expand=2, diffuse=3, keep_first=True)
    assert "reordering" in reordered.json()["milliseconds"]
    whole, part = (
        by_form(client, photograph, method=METHOD, box=box).json()["results"][0]["similarity"]
        for box in ("", "0,0,20,20")
    )
    assert part < whole


def test_recognition_and_collections_are_told(client: TestClient, photograph: bytes) -> None:
    asked = client.post("/api/recognise", files={"file": photograph}, data={"method": METHOD})
    ended, by_client = by_gradio(
        client, "recognise", photograph=upload(client, photograph), method=METHOD
    )
    assert ended == "complete"
    assert by_client[0]["is_confident"] == asked.json()["is_confident"]
    assert set(asked.json()) == {"landmark", "probability", "is_confident"}
    (told,) = client.get("/api/collections").json()
    assert by_gradio(client, "collections")[1] == [[told]]
    assert told["name"] == "squares"
    method = next(one for one in told["methods"] if one["name"] == METHOD)
    assert method["photographs"] == 24
    assert method["kind"] == "flat"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"k": 101}, "is 1 to 100"),
        ({"box": "1,2,3"}, "four whole numbers"),
        ({"box": "a,b,c,d"}, "four whole numbers"),
        ({"box": "90,90,99,99"}, "has to hold a part"),
        ({"where": "landmark"}, "A condition is a column"),
        ({"where": "shard~/"}, "is on no column"),
        ({"where": "x" * 2001}, "at most 2000 letters"),
        ({"verify": "nothing"}, "can verify"),
        ({"expand": -1}, "is at least 0"),
        ({"expand": 101}, "at most 100"),
        ({"keep_first": True}, "keeps what"),
    ],
)
def test_wrong_values_are_told(
    client: TestClient, photograph: bytes, fields: dict[str, Any], told: str
) -> None:
    answer = by_form(client, photograph, method=METHOD, **fields)
    assert answer.status_code in (400, 404)
    assert told in answer.json()["detail"]
    assert by_form(client, photograph, method="none/none").status_code == 404


@pytest.mark.parametrize(
    "sent", [None, 7, [], {}, {"path": 7}, "no base64!", "/etc/passwd", "aGVsbG8=", True]
)
def test_what_is_no_photograph_is_told(client: TestClient, sent: Any) -> None:
    ended, told = by_gradio(client, "search", photograph=sent, method=METHOD)
    assert ended == "error"
    assert "root:" not in json.dumps(told)


@pytest.mark.parametrize(
    "named", [{"k": "5"}, {"k": 2.5}, {"k": True}, {"box": [0, 0, 1]},
              {"where": [7]}, {"where": "landmark=a"}, {"method": 7}, {"verify": []}],
)  # fmt: skip
def test_values_of_other_types_are_refused_not_failed_at(
    client: TestClient, photograph: bytes, named: dict[str, Any]
) -> None:
    encoded = base64.b64encode(photograph).decode()
    ended, told = by_gradio(client, "search", photograph=encoded, **named)
    assert ended == "error"
    assert told is not None
    assert told.get("error"), "a text for the user"


def test_errors_are_one_text_that_names_the_field(client: TestClient, photograph: bytes) -> None:
    wrong = by_form(client, photograph, k="many", expand="x")
    assert wrong.status_code == 422
    assert wrong.json()["detail"].startswith("k: input should be a valid integer")
    assert "; expand: " in wrong.json()["detail"]
    assert client.post("/api/search").json() == {"detail": "file: field required."}
    part = by_form(client, photograph, method=METHOD, box="90,90,99,99").json()["detail"]
    assert part.startswith("box has to hold a part")
    switch = by_form(client, photograph, method=METHOD, keep_first=True).json()["detail"]
    assert "--" not in switch
