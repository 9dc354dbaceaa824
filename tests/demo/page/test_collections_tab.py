import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import tensorflow as tf

from demo.asking.service import Service
from demo.catalogue import Catalogue
from demo.making.job import Job
from demo.making.making import Making, MakingSettings
from demo.making.statistics import statistics
from demo.measurements import Measurements
from demo.page import collection_view
from demo.page.collection_view import Rights
from demo.page.looking_fields import LookingHandlers
from demo.page.making_fields import MakingHandlers
from demo.parts import Parts
from demo.uploads.intake import Limits
from demo.uploads.kept import Kept
from pipeline.duplicate_report import Duplicate
from tests.tiny import Tiny

METHOD = "model/squares-flat"


@pytest.fixture
def parts(tiny: Tiny, tmp_path: Path) -> Iterator[Parts]:
    catalogue, measurements = Catalogue([tiny.model.parent]), Measurements()
    making = Making(MakingSettings(folder=tmp_path / "own", limits=Limits()), catalogue.models)
    kept = Kept(Limits(), folder=tmp_path)
    service = Service(catalogue, measurements, seconds=9)
    yield Parts(
        catalogue=catalogue,
        service=service,
        kept=kept,
        measurements=measurements,
        making=making,
    )
    making.close()
    kept.close()


class Event:
    """An event of the browser, as handlers read it."""

    def __init__(self, **told: Any) -> None:
        self._data = told


def begun(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that are asked for, none of which runs."""
    asked: list[Job] = []
    assert parts.making is not None
    monkeypatch.setattr(parts.making.jobs, "add", asked.append)
    return asked


def test_a_collection_is_shown_with_its_numbers_and_photographs(parts: Parts) -> None:
    shown = LookingHandlers(parts).show(METHOD)
    assert "<dt>Photographs</dt><dd>24</dd>" in shown
    assert "<dt>Landmarks</dt><dd>6</dd>" in shown
    assert "<dd>48 × 40</dd>" in shown
    assert shown.count('src="photographs/model/squares-flat/') == 24
    assert 'type="checkbox"' not in shown, "it is not one's own"
    assert "Delete this collection" not in shown


def test_the_pages_of_photographs_hold_each_once(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection_view, "PAGE", 10)
    handlers = LookingHandlers(parts)
    pages = [handlers.turn(METHOD, Event(page=page)) for page in range(3)]
    assert [one.count("<li>") for one in pages] == [10, 10, 4]
    assert "Page 3 of 3" in pages[2]
    assert handlers.turn(METHOD, Event(page=99)) == pages[2]


def test_names_of_landmarks_cannot_break_out_of_the_page(parts: Parts) -> None:
    engine = parts.catalogue.engine(METHOD)
    found = dataclasses.replace(
        statistics(engine.collection), landmarks=[("<script>", 3)], licenses=[("<img>", 3)]
    )
    method = parts.catalogue.method(METHOD)
    rights = Rights(is_own=True, is_linked=True)
    shown = collection_view.told(method, engine, found, rights, 0, collection_view.wrong("<b>"))
    for text in ("<script>", "<img>", "<b>"):
        assert text not in shown
    assert shown.count('type="checkbox"') == 24
    assert "Look for new photographs" in shown


def test_of_copies_all_but_the_first_are_chosen(parts: Parts) -> None:
    ids = parts.catalogue.engine(METHOD).collection.ids()[:3]
    group = [
        Duplicate(group=1, similarity=1 - place / 10, id=id, landmark="<b>", file="")
        for place, id in enumerate(ids)
    ]
    method = parts.catalogue.method(METHOD)
    shown = collection_view.copies([group], method, Rights(is_own=True))
    assert "3 photographs in 1 group. All but the first of each are chosen." in shown
    chosen = [f'value="{id}" checked=""' in shown for id in ids]
    assert chosen == [False, True, True]
    assert "&lt;b&gt; 0.900" in shown
    others = collection_view.copies([group], method, Rights())
    assert "3 photographs in 1 group.<" in others, "nothing is said of boxes that are not there"
    assert "checkbox" not in others
    assert "There are no copies" in collection_view.copies([], method, Rights())


def test_what_is_not_there_any_more_is_said(parts: Parts) -> None:
    handlers = LookingHandlers(parts)
    assert "There is no such method" in handlers.show("model/gone")
    assert "There is no collection yet" in handlers.show(None)
    names, methods, shown = handlers.refresh("gone", "model/gone")
    assert (names["value"], methods["value"]) == ("squares", METHOD)
    assert ">squares<" in shown


def test_what_was_not_made_here_is_not_changed(parts: Parts) -> None:
    handlers = LookingHandlers(parts)
    shown = handlers.remove("squares", METHOD, Event(ids=["0"]))
    assert "was not made on this page" in shown
    for what in ("delete", "look_again", "advise"):
        with pytest.raises(gr.Error, match="was not made on this page"):
            handlers.alter("squares", METHOD, Event(what=what))
    nobody = LookingHandlers(dataclasses.replace(parts, making=None))
    with pytest.raises(gr.Error, match="cannot be changed here"):
        nobody.alter("squares", METHOD, Event(what="delete"))


def test_two_clicks_make_a_collection(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    making = parts.making
    assert making is not None
    asked = begun(parts, monkeypatch)
    handlers = MakingHandlers(making)
    token = making.baskets.open()
    making.arrive(token, tf.io.encode_jpeg(np.zeros((9, 9, 3), np.uint8)).numpy(), "a.jpg", "")
    basket = {"token": token, "count": 1, "name": "squares"}
    name, button = handlers.suggest(basket, "", "")
    assert name == "squares-2", "a name that is free"
    assert button["variant"] == "primary"
    said, emptied, folder, no_name = handlers.make(basket, "", "", name, "model", "")
    assert "It has begun" in said
    assert (emptied, folder, no_name) == (None, "", "")
    (job,) = asked
    assert (job.task, job.collection, job.model, job.basket) == ("make", name, "model", token)


def test_who_is_quicker_than_the_suggested_name_gets_it(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parts.making is not None
    asked = begun(parts, monkeypatch)
    token = parts.making.baskets.open()
    photograph = tf.io.encode_jpeg(np.zeros((9, 9, 3), np.uint8)).numpy()
    parts.making.arrive(token, photograph, "a.jpg", "")
    basket = {"token": token, "count": 1, "name": "holiday"}
    assert "It has begun" in MakingHandlers(parts.making).make(basket, "", "", " ", "model", "")[0]
    assert [job.collection for job in asked] == ["holiday"]


def test_what_is_wrong_is_said_and_the_fields_stay(parts: Parts) -> None:
    assert parts.making is not None
    handlers = MakingHandlers(parts.making)
    said, basket, *_ = handlers.make(None, "", "", "new", "model", "")
    assert 'role="alert"' in said
    assert "Choose photographs first" in said
    assert "value" not in basket
    assert handlers.suggest(None, "", "mine")[1]["variant"] == "secondary"
