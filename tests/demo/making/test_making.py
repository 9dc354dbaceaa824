import dataclasses
import importlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from demo.catalogue import Catalogue
from demo.making.job import Job, Step
from demo.making.making import Making, MakingSettings
from demo.making.statistics import find_duplicates, statistics
from demo.refusals import NotFound, Refused
from demo.uploads.intake import Limits
from pipeline.index.collection import load_collection
from pipeline.model_folder import EMBEDDINGS
from tests.tiny import Tiny, write_photographs

SECONDS = 120.0


@pytest.fixture(scope="module")
def model(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tiny model, which has described nothing."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    folder.mkdir()
    shutil.copytree(tiny.model / "saved_model", folder / "saved_model")
    shutil.copy(tiny.model / "model.json", folder)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photographs(tmp_path / "photos" / "holiday", landmarks=3, photographs=4, seed=7)
    return tmp_path / "photos"


@pytest.fixture
def making(model: Path, photos: Path, tmp_path: Path) -> Iterator[Making]:
    settings = MakingSettings(folder=tmp_path / "own", photos=(photos,), limits=Limits(), most=9)
    opened = Making(settings, Catalogue([model.parent]).models)
    yield opened
    opened.close()
    for part in ("embeddings", "indexes"):
        shutil.rmtree(model / part, ignore_errors=True)


def run_here(step: Step) -> None:
    """Runs a command's stage in this process, with the settings that its flags name."""
    stage = importlib.import_module(step.command[0])
    types = {field.name: str(field.type) for field in dataclasses.fields(stage.Settings)}
    told: dict[str, object] = {}
    for flag in step.command[1:]:
        name, value = flag.removeprefix("--").split("=", 1)
        told[name] = tuple(value.split(",")) if "tuple" in types[name] else value
        told[name] = Path(value) if "Path" in types[name] else told[name]
    getattr(stage, step.command[0].partition(".")[2])(stage.Settings(**told))


@pytest.fixture
def at_once(making: Making, monkeypatch: pytest.MonkeyPatch) -> Making:
    """Its jobs run in this process, without the seconds that each start of TensorFlow takes."""

    def run(job: Job) -> Job:
        for step in making.own.steps(job):
            run_here(step)
        return dataclasses.replace(job, state="done", said=making.own.outcome(job))

    monkeypatch.setattr(making.jobs, "add", run)
    return making


def sent(making: Making, seeds: Iterable[int], landmark: str = "Tower") -> str:
    token = making.baskets.open()
    for seed in seeds:
        pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3)).astype(np.uint8)
        making.arrive(token, tf.io.encode_jpeg(pixels).numpy(), f"{seed}.jpg", landmark)
    return token


def held(index: Path) -> list[str]:
    opened = load_collection(index)
    return sorted(opened.photographs(opened.keys())["title"].to_pylist())


def test_killed_in_the_middle_it_goes_on_and_can_be_searched(
    making: Making, model: Path, photos: Path, tmp_path: Path
) -> None:
    catalogue = Catalogue([model.parent])
    assert catalogue.collections() == []
    job = making.make("My holiday", "model", folder="photos/holiday")
    end = time.monotonic() + SECONDS
    while making.jobs.job(job.id).process is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    making.close()
    assert making.jobs.job(job.id).state == "running", "it is to go on"
    again = Making(making.settings, Catalogue([model.parent]).models)
    ended = again.jobs.wait(job.id, SECONDS)
    again.close()
    assert (ended.state, ended.said) == ("done", "12 photographs can be searched.")
    assert catalogue.collections() == ["My-holiday"], "without a restart"
    (method,) = catalogue.methods("My-holiday")
    (stored,) = catalogue.engine(method.name).photographs(np.array([0]))
    assert stored.landmark.startswith("landmark ")
    assert stored.read_image().shape == (40, 48, 3)
    assert sorted(os.listdir(photos / "holiday")) == ["landmark 0", "landmark 1", "landmark 2"]


def test_photographs_that_were_sent_are_added_to_and_removed(at_once: Making, model: Path) -> None:
    job = at_once.make("sent", "model", basket=sent(at_once, range(3)))
    assert job.said == "3 photographs can be searched."
    index = model / "indexes" / "sent-flat"
    assert held(index) == ["Tower/0.jpg", "Tower/1.jpg", "Tower/2.jpg"]
    at_once.add("sent", basket=sent(at_once, range(3, 5), "Gate"))
    assert held(index)[:2] == ["Gate/3.jpg", "Gate/4.jpg"]
    opened = load_collection(index)
    (gone,) = (
        row["id"]
        for row in opened.photographs(opened.keys()).to_pylist()
        if row["title"] == "Tower/1.jpg"
    )
    at_once.remove("sent", [gone])
    assert held(index) == ["Gate/3.jpg", "Gate/4.jpg", "Tower/0.jpg", "Tower/2.jpg"]
    at_once.add("sent", basket=sent(at_once, [5]))
    assert held(index)[2:] == ["Tower/0.jpg", "Tower/2.jpg", "Tower/5.jpg"], "it stays away"


def test_a_folder_that_has_grown_is_looked_at_again_without_what_was_removed(
    at_once: Making, model: Path, photos: Path
) -> None:
    at_once.make("holiday", "model", folder="photos/holiday")
    index = model / "indexes" / "holiday-flat"
    opened = load_collection(index)
    at_once.remove("holiday", opened.ids()[:2])
    assert len(held(index)) == 10
    write_photographs(photos / "holiday", landmarks=3, photographs=5, seed=7)
    at_once.look_again("holiday")
    assert len(held(index)) == 13
    at_once.index("holiday", "model", "ivf")
    assert len(held(model / "indexes" / "holiday-ivf")) == 13
    assert len(list(photos.rglob("*.jpg"))) == 15, "the folder itself is as it was"
    at_once.delete("holiday")
    assert not index.exists()
    assert not (model / EMBEDDINGS / "holiday").exists()
    assert at_once.own.names() == []
    assert len(list(photos.rglob("*.jpg"))) == 15


def test_an_interrupted_removal_is_done_again(at_once: Making, model: Path) -> None:
    at_once.make("sent", "model", basket=sent(at_once, range(4)))
    at_once.index("sent", "model", "ivf")
    flat, ivf = at_once.own.indexes("sent")
    ids = load_collection(flat).ids()[:1]
    job = Job.new("remove", "sent", ids=tuple(ids))
    first, _ = at_once.own.steps(job)
    run_here(first)  # and then the server was killed
    (rest,) = at_once.own.steps(job)
    run_here(rest)
    assert len(held(flat)) == len(held(ivf)) == 3
    assert at_once.own.steps(job) == []


def test_what_cannot_be_read_is_left_out_and_named(at_once: Making, photos: Path) -> None:
    (photos / "holiday" / "notes.txt").write_text("no photograph")
    job = at_once.make("holiday", "model", folder="photos/holiday")
    assert job.said.startswith("12 photographs can be searched. 1 files were left out (notes.txt: ")


def test_only_allowed_folders_are_offered_and_taken(
    making: Making, photos: Path, tmp_path: Path
) -> None:
    (photos / ".hidden").mkdir()
    (photos / "out").symlink_to(tmp_path)
    offered = making.own.folders()
    assert {"photos", "photos/holiday", "photos/holiday/landmark 0"} <= set(offered)
    assert not any("hidden" in name or "out" in name for name in offered)
    for folder in ("..", "photos/..", str(tmp_path), "photos/out", "/etc"):
        with pytest.raises(Refused, match="This folder may not be used here"):
            making.make("name", "model", folder=folder)
    assert making.jobs.all() == []


@pytest.mark.parametrize(
    ("name", "by", "kind", "message"),
    [
        ("", "model", "", "Give the collection a name"),
        ("../x", "model", "", "Give the collection a name"),
        ("a,b", "model", "", "Give the collection a name"),
        ("-x", "model", "", "Give the collection a name"),
        ("x", "none", "", "no such model"),
        ("x", "model", "OPQ64,IVF1024,PQ64", "no such kind"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused(
    making: Making, name: str, by: str, kind: str, message: str
) -> None:
    with pytest.raises(Refused, match=message):
        making.make(name, by, kind, folder="photos/holiday")
    assert making.own.names() == []


def test_a_name_is_taken_once_and_nothing_is_made_of_nothing(
    at_once: Making, tmp_path: Path
) -> None:
    at_once.make("sent", "model", basket=sent(at_once, range(1)))
    with pytest.raises(Refused, match="There is a collection sent already"):
        at_once.make("sent", "model", folder="photos/holiday")
    for nothing in ({}, {"basket": at_once.baskets.open()}):
        with pytest.raises(Refused, match="Choose photographs first"):
            at_once.make("other", "model", **nothing)
    for ids in ([], ["../x"], ["a,b"]):
        with pytest.raises(Refused, match="Choose the photographs to remove"):
            at_once.remove("sent", ids)
    for change in (at_once.look_again, at_once.delete):
        with pytest.raises(NotFound, match="was not made on this page"):
            change("squares")
    with pytest.raises(Refused, match="This folder may not be used here"):
        at_once.look_again("sent")


def test_a_collection_that_something_is_done_to_is_let_be(making: Making) -> None:
    job = making.make("holiday", "model", folder="photos/holiday")
    (making.settings.folder / "photographs" / "holiday").mkdir(parents=True, exist_ok=True)
    with pytest.raises(Refused, match="Something is being done to holiday"):
        making.delete("holiday")
    making.jobs.cancel(job.id)
    end = time.monotonic() + SECONDS
    while making.jobs.are_at("holiday"):
        assert time.monotonic() < end
        time.sleep(0.01)
    making.delete("holiday")
    assert making.own.names() == []


def test_what_arrives_is_checked(making: Making) -> None:
    token = making.baskets.open()
    for data in (b"", b"text", tf.io.encode_png(np.zeros((4, 4, 3), np.uint8)).numpy()):
        with pytest.raises(Refused):
            making.arrive(token, data, "a.jpg", "")
    with pytest.raises(NotFound):
        making.arrive("none", b"", "a.jpg", "")
    assert not any(making.baskets.of(token).files())


def test_a_missing_folder_of_photographs_is_an_error(tmp_path: Path) -> None:
    settings = MakingSettings(folder=tmp_path, photos=(tmp_path / "none",), limits=Limits())
    with pytest.raises(FileNotFoundError, match="--photos="):
        Making(settings, list)


def test_statistics_are_counted_by_hand(tiny: Tiny) -> None:
    found = statistics(load_collection(tiny.index))
    assert found.photographs == 24
    assert [count for _, count in found.landmarks] == [4] * 6
    assert (found.unnamed, found.licenses, found.authors) == (0, [("", 24)], 0)
    assert (found.dates, found.advice) == (None, "")
    assert found.sides == (48, 40, 12)


def test_duplicates_come_in_groups(tiny: Tiny) -> None:
    opened = load_collection(tiny.index)
    # Four colours a landmark, with little noise: each is one group.
    groups = find_duplicates(opened, 0.999)
    for group in groups:
        assert len({one.landmark for one in group}) == 1
        assert group[0].similarity == pytest.approx(1, abs=1e-5)
    everything = find_duplicates(opened, -1.0)
    assert [len(group) for group in everything] == [24]
    assert re.fullmatch(r"[0-9a-f]{16}", everything[0][0].id)
