import dataclasses
import shutil
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from demo import answers
from demo.catalogue import Catalogue, pick_examples
from demo.page import _Handlers, build_page
from pipeline.answer import Answer, Recognition, Result
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.engine import Engine
from pipeline.stored_photograph import StoredPhotograph
from tests.tiny import Tiny


def _result(rank: int, landmark: str, **changes: str) -> Result:
    known = {"id": f"id{rank}", "title": f"{rank}.jpg", "author": "", "license": "", **changes}
    photograph = StoredPhotograph(
        label=-1, landmark=landmark, url="", date="", content="", shard="", offset=0, **known
    )
    return Result(rank=rank, similarity=1 - rank / 100, probability=None, photograph=photograph)


def _headline(results: list[Result], query_id: str | None = None, **recognition: object) -> str:
    found = Recognition(**recognition) if recognition else None  # type: ignore[arg-type]
    return answers.headline(Answer(results=results, recognition=found), 12.4, query_id)


def test_every_index_is_listed_and_the_exact_one_of_the_newest_model_comes_first(
    tiny: Tiny,
) -> None:
    build_index(IndexSettings(model=tiny.model, data=("squares",), kind="lsh"))
    catalogue = Catalogue(tiny.model.parent)
    labels = {entry.label for entry in catalogue.entries}
    assert "squares · model · flat (24 photographs)" in labels
    assert "squares · model · lsh (24 photographs)" in labels
    assert catalogue.default().folder == tiny.index
    assert catalogue.engine(tiny.index) is catalogue.engine(tiny.index)


def test_an_index_that_is_being_replaced_is_not_listed(tiny: Tiny, tmp_path: Path) -> None:
    indexes = tmp_path / "model" / "indexes"
    shutil.copytree(tiny.index, indexes / "squares-flat")
    shutil.copytree(tiny.index, indexes / ".squares-flat.old-host-1")
    assert [entry.folder.name for entry in Catalogue(tmp_path).entries] == ["squares-flat"]


def test_without_an_index_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make demo"):
        Catalogue(tmp_path)


def test_examples_show_as_many_landmarks_as_there_are(tiny: Tiny) -> None:
    engine = Engine(tiny.index)
    examples = pick_examples(engine, 6)
    assert len({example.landmark for example in examples}) == 6
    assert pick_examples(engine, 6) == examples
    assert len({example.id for example in pick_examples(engine, 100)}) == 24


def test_the_answer_is_what_most_of_the_first_five_show() -> None:
    results = [
        _result(i, name) for i, name in enumerate(["Tower", "Gate", "Tower", "", "Tower"], 1)
    ]
    expected = "### Tower\n3 of the first 5 results show it, not calibrated · 5 results in 12 ms"
    assert _headline(results) == expected
    # The query itself has no vote: two of the other four show the tower.
    assert "2 of the first 4" in _headline(results, "id1")


@pytest.mark.parametrize("names", [["A", "B", "C"], ["", "", "A"], ["A"], []])
def test_results_that_agree_on_nothing_give_no_answer(names: list[str]) -> None:
    results = [_result(rank, name) for rank, name in enumerate(names, 1)]
    assert "do not agree" in _headline(results)


def test_a_calibrated_collection_says_how_sure_it_is_or_that_it_is_not() -> None:
    results = [_result(1, "Tower")]
    sure = _headline(results, landmark="Tower", probability=0.934, is_confident=True)
    assert sure == "### Tower\n93% sure · 1 results in 12 ms"
    unsure = _headline(results, landmark="Tower", probability=0.41, is_confident=False)
    assert unsure.startswith("### No confident match\nAt best Tower, 41% sure")
    nameless = _headline(results, landmark="", probability=0.9, is_confident=True)
    assert nameless.startswith("### a landmark without a name\n90% sure")
    assert "No landmark of the results is known" in _headline(
        results, landmark=None, probability=0.0, is_confident=False
    )


def test_captions_name_author_and_licence_and_the_query_itself() -> None:
    result = _result(2, "Tower", author="Ada", license="CC-BY")
    assert answers.caption(result, None) == "2. 0.980 Tower · © Ada CC-BY"
    assert answers.caption(result, "id2") == "2. 0.980 the query itself · © Ada CC-BY"
    assert answers.caption(_result(1, ""), None) == "1. 0.990 1.jpg"
    likely = dataclasses.replace(result, probability=0.87)
    assert answers.caption(likely, None).startswith("2. 0.980 Tower · 87% the same landmark · ©")


def test_the_editor_hands_over_the_crop_at_full_size() -> None:
    pixels = np.full((3000, 2000, 4), 7, np.uint8)
    image = answers.query_image({"background": None, "layers": [], "composite": pixels})
    assert image.shape == (3000, 2000, 3)
    night = np.zeros((4, 4, 3), np.uint8)
    np.testing.assert_array_equal(answers.query_image({"composite": night}), night)
    for empty in (None, {"composite": None}):
        with pytest.raises(ValueError, match="Choose a photograph first"):
            answers.query_image(empty)


def test_an_example_is_known_again_whole_but_not_cropped(tiny: Tiny) -> None:
    (example,) = Engine(tiny.index).photographs(np.array([0]))
    pixels = example.read_image()
    noisy = np.clip(pixels.astype(int) + 2, 0, 255).astype(np.uint8)  # the browser re-encodes
    assert answers.id_if_same(noisy, example) == example.id
    assert answers.id_if_same(pixels[1:], example) is None
    assert answers.id_if_same(255 - pixels, example) is None
    assert answers.id_if_same(pixels, None) is None


def test_a_search_on_the_page_gives_answer_pictures_and_table(tiny: Tiny) -> None:
    catalogue = Catalogue(tiny.model.parent)
    assert isinstance(build_page(catalogue), gr.Blocks)
    handlers = _Handlers(catalogue)
    examples = handlers.show_examples(str(tiny.index))
    assert len(examples) == 8
    stored = pick_examples(catalogue.engine(tiny.index), 8)[0]
    editor = {"background": examples[0], "layers": [], "composite": examples[0]}
    answer, pictures, table = handlers.search(editor, str(tiny.index), 4, stored)
    assert "4 results in" in answer
    assert len(pictures) == len(table) == 4
    np.testing.assert_array_equal(pictures[0][0], examples[0])
    assert pictures[0][1] == "1. 1.000 the query itself"
    assert table[0][:5] == [1, "1.000", "-", stored.landmark, stored.title]


def test_what_a_user_can_mend_is_shown_on_the_page(tiny: Tiny, tmp_path: Path) -> None:
    handlers = _Handlers(Catalogue(tiny.model.parent))
    with pytest.raises(gr.Error, match="Choose a photograph first"):
        handlers.search(None, str(tiny.index), 4, None)
    with pytest.raises(gr.Error, match="is missing; make it with"):
        handlers.show_examples(str(tmp_path / "model" / "indexes" / "gone"))
