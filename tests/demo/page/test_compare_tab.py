"""Which methods are compared where none was chosen."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from demo.catalogue import Method
from demo.page import compare_tab
from demo.page.asked import from_link
from demo.refusals import NotFound

METHODS = {
    "town": ["a/town-flat"],
    "city": ["a/city-flat", "a/city-pq", "b/city-flat"],
}


class Catalogue:
    """What the tab asks of a catalogue, of methods that have no files."""

    def collections(self) -> list[str]:
        return list(METHODS)

    def methods(self, collection: str) -> list[Method]:
        return [
            Method(
                name=name, collection=collection, model=name[0], kind=name.rpartition("-")[2],
                photographs=9, built=0.0, folder=Path(name),
            )
            for name in METHODS[collection]
        ]  # fmt: skip

    def method(self, name: str) -> Method:
        every = [one for collection in METHODS for one in self.methods(collection)]
        for one in every:
            if one.name == name:
                return one
        raise NotFound("There is no such method.")


@pytest.fixture
def parts() -> Any:
    return SimpleNamespace(catalogue=Catalogue())


def test_at_first_both_methods_search_the_first_collection(parts: Any) -> None:
    assert compare_tab.first_two(parts) == ("a/town-flat", "a/town-flat")


@pytest.mark.parametrize(
    ("searched", "other"),
    [
        ("a/city-flat", "a/city-pq"),
        ("b/city-flat", "a/city-flat"),
        ("a/town-flat", "a/town-flat"),
    ],
)
def test_both_methods_search_the_collection_that_is_searched(
    parts: Any, searched: str, other: str
) -> None:
    updates = compare_tab.follow(parts, from_link, searched, "")
    assert [one["value"] for one in updates] == [searched, other]
    assert [name for _, name in updates[0]["choices"]] == [
        name for names in METHODS.values() for name in names
    ]


def test_a_method_that_is_gone_leaves_the_choice_as_it_is(parts: Any) -> None:
    for gone in ("a/gone", None):
        assert compare_tab.follow(parts, from_link, gone, "") == [gr.skip(), gr.skip()]


def test_what_the_address_compares_stays_chosen(parts: Any) -> None:
    """Also where the methods of a link are being filled in when the first of them is followed."""
    link = "?method=a/city-pq&against=b/city-flat&k=7&photograph=x"
    followed = compare_tab.follow(parts, from_link, "a/city-pq", link)
    assert [one["value"] for one in followed] == ["a/city-pq", "b/city-flat"]
    chosen = {"id": "x"}
    tabs, first, second, k = compare_tab.restore(parts, from_link, link, chosen)
    assert (tabs["selected"], first["value"], second["value"], k) == (
        compare_tab.COMPARE, "a/city-pq", "b/city-flat", 7,
    )  # fmt: skip
    followed = compare_tab.follow(parts, from_link, "a/city-flat", link)
    assert [one["value"] for one in followed] == ["a/city-flat", "a/city-pq"]


@pytest.mark.parametrize("link", ["", "?method=a/city-pq", "?k=many&against=b/city-flat"])
def test_a_link_that_compares_nothing_leaves_the_tab(parts: Any, link: str) -> None:
    restored = compare_tab.restore(parts, from_link, link, {"id": "x"})
    assert restored[0] == gr.skip()
    assert [one["value"] for one in restored[1:3]] == ["a/town-flat", "a/town-flat"]
