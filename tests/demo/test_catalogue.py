import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from demo.catalogue import Catalogue, pick_examples
from demo.refusals import NotFound, Unavailable
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.index.collection import changing
from tests.tiny import Tiny, change_model


@pytest.fixture
def exported(tiny: Tiny, tmp_path: Path) -> Path:
    """A copy of the tiny model and its exact index, which a test may change."""
    folder = tmp_path / "exported"
    tiny.copy_model(folder / "model")
    return folder


@pytest.fixture(scope="module")
def served(tiny: Tiny) -> Catalogue:
    """The tiny collection's, which no test changes."""
    return Catalogue([tiny.model.parent])


def names(catalogue: Catalogue, collection: str = "squares") -> list[str]:
    return [method.name for method in catalogue.methods(collection)]


def test_the_exact_method_of_the_newest_model_comes_first(exported: Path) -> None:
    model = exported / "model"
    build_index(IndexSettings(model=model, data=("squares",), kind="lsh"))
    shutil.copytree(model, exported / "older")
    for path in (exported / "older").glob("indexes/*/manifest.json"):
        os.utime(path, (1e9, 1e9))
    catalogue = Catalogue([exported])
    assert catalogue.collections() == ["squares"]
    found = ["model/squares-flat", "model/squares-lsh", "older/squares-flat", "older/squares-lsh"]
    assert names(catalogue) == found
    first = catalogue.method("model/squares-flat")
    assert (first.collection, first.model, first.kind) == ("squares", "model", "flat")
    assert first.photographs == 24


def test_a_model_or_an_index_alone_can_be_named(exported: Path) -> None:
    index = exported / "model" / "indexes" / "squares-flat"
    assert names(Catalogue([exported / "model"])) == ["model/squares-flat"]
    catalogue = Catalogue([index])
    assert names(catalogue) == ["model/squares-flat"]
    assert catalogue.models() == []
    assert len(catalogue.engine("model/squares-flat")) == 24


def test_methods_of_one_name_are_told_apart_and_names_are_safe_in_addresses(
    exported: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "model"
    shutil.copytree(exported / "model", other)
    (other / "indexes" / "squares-flat").rename(other / "indexes" / "squares flat?#%")
    third = tmp_path / "third"
    shutil.copytree(exported, third)
    catalogue = Catalogue([exported, other.parent, third])
    assert sorted(names(catalogue)) == [
        "model/squares-flat", "model/squares-flat---", "model/squares-flat-2",
    ]  # fmt: skip
    assert catalogue.method("model/squares-flat-2").folder.is_relative_to(third)
    assert sorted(names(catalogue)) == sorted(names(catalogue)), "and keep their names"


def test_what_is_being_replaced_or_damaged_is_not_listed(exported: Path) -> None:
    indexes = exported / "model" / "indexes"
    shutil.copytree(indexes / "squares-flat", indexes / ".squares-flat.old-host-1")
    shutil.copytree(indexes / "squares-flat", indexes / "damaged")
    (indexes / "damaged" / "manifest.json").write_text("{")
    assert names(Catalogue([exported])) == ["model/squares-flat"]


def test_without_anything_to_serve_it_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make demo"):
        Catalogue([tmp_path])
    with pytest.raises(FileNotFoundError, match="which is no folder"):
        Catalogue([tmp_path / "nothing"])


def test_no_link_leads_out_of_the_folders(exported: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(exported / "model", outside)
    (exported / "linked").symlink_to(outside)
    (exported / "model" / "indexes" / "linked").symlink_to(outside / "indexes" / "squares-flat")
    partly = exported / "partly" / "indexes" / "squares-flat"
    partly.mkdir(parents=True)
    (partly / "manifest.json").symlink_to(outside / "indexes" / "squares-flat" / "manifest.json")
    (exported / "within").symlink_to(exported / "model")
    catalogue = Catalogue([exported])
    assert names(catalogue) == ["model/squares-flat", "within/squares-flat"]
    assert [model.name for model in catalogue.models()] == ["model", "within"]


def test_a_link_made_after_the_start_is_not_followed(exported: Path, tmp_path: Path) -> None:
    catalogue = Catalogue([exported])
    catalogue.engine("model/squares-flat")
    index = exported / "model" / "indexes" / "squares-flat"
    index.rename(tmp_path / "moved")
    index.symlink_to(tmp_path / "moved")
    with pytest.raises(NotFound):
        catalogue.engine("model/squares-flat")


@pytest.mark.parametrize("name", ["", "..", "../model/squares-flat", "model", "/etc/passwd", "a\0"])
def test_a_made_up_name_opens_nothing_and_is_told_what_there_is(
    served: Catalogue, name: str
) -> None:
    for ask in (served.method, served.engine, served.extractors):
        with pytest.raises(NotFound, match=r"There are: .*model/squares-flat"):
            ask(name)
    with pytest.raises(NotFound, match="no such photograph"):
        served.photograph("model/squares-flat", name)
    with pytest.raises(NotFound, match="can verify"):
        served.engine("model/squares-flat", verify=name)


def test_a_method_is_opened_once_and_shares_its_model(exported: Path) -> None:
    build_index(IndexSettings(model=exported / "model", data=("squares",), kind="lsh"))
    catalogue = Catalogue([exported])
    flat = catalogue.engine("model/squares-flat")
    assert catalogue.engine("model/squares-flat") is flat
    assert catalogue.engine("model/squares-lsh").descriptor is flat.descriptor


def test_a_changed_index_is_opened_anew_and_the_old_one_goes_on(exported: Path) -> None:
    catalogue = Catalogue([exported])
    before = catalogue.engine("model/squares-flat")
    (one,) = pick_examples(before, 1)
    image = one.read_image()
    assert catalogue.photograph("model/squares-flat", one.id) == one
    with changing(exported / "model" / "indexes" / "squares-flat") as change:
        change.remove([one.id])
    after = catalogue.engine("model/squares-flat")
    assert (len(before), len(after)) == (24, 23)
    assert before.search(image, 1)[0].photograph.id == one.id
    assert after.search(image, 1)[0].photograph.id != one.id
    with pytest.raises(NotFound, match="no such photograph"):
        catalogue.photograph("model/squares-flat", one.id)


def test_while_one_thread_opens_what_changed_others_ask_the_old(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = Catalogue([exported])
    before = catalogue.engine("model/squares-flat")
    begun, go_on = threading.Event(), threading.Event()

    def slow(*arguments: object) -> object:
        begun.set()
        go_on.wait(30)
        return "the new engine"

    monkeypatch.setattr("demo.catalogue.Engine", slow)
    os.utime(exported / "model" / "indexes" / "squares-flat" / "manifest.json")
    opening = threading.Thread(target=catalogue.engine, args=("model/squares-flat",))
    opening.start()
    assert begun.wait(30)
    assert catalogue.engine("model/squares-flat") is before
    go_on.set()
    opening.join()
    after: object = catalogue.engine("model/squares-flat")
    assert after == "the new engine"


def test_an_index_that_cannot_be_opened_leaves_the_old_one_and_tells_no_path(
    exported: Path,
) -> None:
    catalogue = Catalogue([exported])
    before = catalogue.engine("model/squares-flat")
    change_model(exported / "model")  # the index is another model's now
    assert catalogue.engine("model/squares-flat") is before
    with pytest.raises(Unavailable) as told:
        Catalogue([exported]).engine("model/squares-flat")
    assert str(exported) not in str(told.value)
    assert "server's log" in str(told.value)


def test_what_is_made_or_removed_meanwhile_is_noticed(exported: Path) -> None:
    catalogue = Catalogue([exported])
    build_index(IndexSettings(model=exported / "model", data=("squares",), kind="lsh"))
    assert names(catalogue) == ["model/squares-flat", "model/squares-lsh"]
    catalogue.engine("model/squares-lsh")
    shutil.rmtree(exported / "model" / "indexes" / "squares-lsh")
    with pytest.raises(NotFound):
        catalogue.engine("model/squares-lsh")
    assert names(catalogue) == ["model/squares-flat"]


def test_data_sets_of_other_folders_have_their_last_names(exported: Path) -> None:
    path = exported / "model" / "indexes" / "squares-flat" / "manifest.json"
    described = json.loads(path.read_text())
    described["data"] = ["squares", "elsewhere/embeddings/more"]
    path.write_text(json.dumps(described))
    assert Catalogue([exported]).collections() == ["squares+more"]


def test_examples_show_as_many_landmarks_as_there_are(served: Catalogue) -> None:
    engine = served.engine("model/squares-flat")
    examples = pick_examples(engine, 6)
    assert len({example.landmark for example in examples}) == 6
    assert pick_examples(engine, 6) == examples
    assert len({example.id for example in pick_examples(engine, 100)}) == 24
