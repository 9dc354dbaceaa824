"""What the page asks and how that is answered, by the requests that its script makes."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from demo import texts
from demo.asking.query import Found
from demo.page.asked import Asked, from_link
from demo.page.reasons import Searches
from demo.refusals import Busy
from tests.demo.conftest import post_search

METHOD = "model/squares-flat"


@pytest.fixture
def chosen(client: TestClient, photograph: bytes) -> dict[str, Any]:
    """A photograph that was uploaded, as the photograph box holds it."""
    told = client.post("/uploads", files={"file": photograph}).json()
    return {**told, "box": None}


def ask(client: TestClient, chosen: Any, address: str = "/asked/search", **fields: Any) -> Any:
    given = {"method": METHOD, "k": 5, "verify": None, **fields}
    return client.post(address, json={"photograph": chosen, "fields": given})


def test_the_page_finds_what_programs_find(
    client: TestClient, chosen: dict[str, Any], photograph: bytes
) -> None:
    shown = ask(client, chosen).json()
    expected = post_search(client, photograph, method=METHOD, k=5).json()["results"]
    found = json.loads(shown["json"])["results"]
    assert [one["id"] for one in found] == [one["id"] for one in expected]
    assert shown["html"].count("<figure") == shown["csv"].count("\n") - 1 == len(found) == 5
    assert f"token={chosen['token']}" in shown["link"]


def test_a_part_and_conditions_are_asked_for(client: TestClient, chosen: dict[str, Any]) -> None:
    whole = json.loads(ask(client, chosen).json()["json"])["results"]
    part = ask(client, {**chosen, "box": [0, 0, 20, 20]}, landmark="landmark 2").json()
    found = json.loads(part["json"])["results"]
    assert {one["landmark"] for one in found} == {"landmark 2"}
    assert found[0]["similarity"] != whole[0]["similarity"]
    assert "box=0%2C0%2C20%2C20" in part["link"]


def test_two_methods_answer_side_by_side(client: TestClient, chosen: dict[str, Any]) -> None:
    shown = ask(client, chosen, "/asked/compare", against=METHOD, diffuse=True).json()
    html = shown["html"]
    assert html.count("<section") == 2
    assert html.count("<span>reordering</span>") == 2, "a switch holds for both"
    assert texts.Compare.REORDERED in html
    restored = from_link(shown["link"])
    assert (restored.method, restored.against, restored.diffuse) == (METHOD, METHOD, True)


def test_each_method_answers_for_itself(
    client: TestClient, chosen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one of the two cannot do is said in its place, and that of both alone refuses both."""
    shown = ask(client, chosen, "/asked/compare", against="model/none").json()
    first, second = shown["html"].split("<section")[1:]
    assert first.count("<figure") == 5
    assert "There is no such method" in second
    assert "<figure" not in second
    none = ask(client, chosen, "/asked/compare")
    assert none.json()["html"].count("<figure") == 5
    assert texts.Missing.METHOD in none.json()["html"]
    answer = ask(client, chosen, "/asked/compare", method="no/one", against="no/other")
    assert answer.status_code == 404
    ask_one = Searches.ask

    def busy(searches: Searches, asked: Asked) -> Found:
        if asked.method == "model/none":
            raise Busy("Too many people.")
        return ask_one(searches, asked)

    monkeypatch.setattr(Searches, "ask", busy)
    assert ask(client, chosen, "/asked/compare", against="model/none").status_code == 503


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"k": 0}, "1 to 100"),
        ({"k": "many"}, "k takes whole numbers"),
        ({"k": 1e999}, "k takes whole numbers"),
        ({"expand": "yes"}, "expand is true or false"),
        ({"method": ["model"]}, "method takes text"),
        ({"landmark": "x" * 5000}, "landmark takes text of at most 2000 letters"),
        ({"where": "colour = red"}, "red"),
        ({"method": "model/../model"}, "no such method"),
        ({"landmark": "\ud800"}, "landmark takes text"),
        ({"where": "\ud800=1"}, "where takes text"),
    ],
)
def test_what_no_field_holds_is_refused(
    client: TestClient, chosen: dict[str, Any], fields: dict[str, Any], told: str
) -> None:
    content = json.dumps({"photograph": chosen, "fields": {"method": METHOD, **fields}})
    headers = {"Content-Type": "application/json"}
    answer = client.post("/asked/search", content=content, headers=headers)
    assert answer.status_code in (400, 404)
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    "chosen",
    [
        *(None, {}, {"token": "none"}, {"token": 3}, {"token": "x" * 5000}, {"id": "none"}),
        {"id": "x", "method": "x" * 5000},
    ],
)
def test_without_a_photograph_it_says_so(client: TestClient, chosen: Any) -> None:
    answer = ask(client, chosen)
    assert answer.status_code in (400, 404)
    assert "hotograph" in answer.json()["detail"]


@pytest.mark.parametrize(
    "sent", [{}, {"photograph": 3, "fields": {}}, {"photograph": None, "fields": []}, [], "text"]
)
def test_a_body_of_another_shape_is_refused(client: TestClient, sent: Any) -> None:
    answer = client.post("/asked/search", json=sent)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_other_sites_cannot_ask(client: TestClient, chosen: dict[str, Any]) -> None:
    sent = {"photograph": chosen, "fields": {"method": METHOD}}
    headers = {"Origin": "https://elsewhere.example"}
    assert client.post("/asked/search", json=sent, headers=headers).status_code == 403
