"""The embedding job on a Ray cluster: the bytes of a local run, whatever is lost on the way."""

import dataclasses
import functools
import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray.cluster_utils import Cluster

from pipeline import model_folder
from pipeline.data import records
from pipeline.data.record_table import open_records
from pipeline.data.records import Photograph
from pipeline.data.sources.source import content_id
from pipeline.embed import Settings, embed
from pipeline.embeddings import files
from pipeline.embeddings.description import DescribedShard, VectorDescriber
from pipeline.embeddings.job import Job, run_job
from pipeline.embeddings.on_cluster import load_describer, on_cluster
from pipeline.embeddings.photographs import RecordedPhotographs
from tests import ray_nodes
from tests.tiny import Tiny

SHARDS = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Watched(RecordedPhotographs):
    """Leaves a file whenever a shard is read; one that is held waits until there is a file "go".

    A shard is one batch here, so it is read once whenever it is described.
    """

    log: Path
    held: tuple[str, ...] = ()

    def read_all(self, numbers: np.ndarray) -> np.ndarray:
        name = Path(self.shards[0].name).name
        (self.log / f"{name} by {os.getpid()}").write_text(ray_nodes.place())
        if name in self.held:
            ray_nodes.wait_for((self.log / "go").exists)
        return super().read_all(numbers)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dying(Job):
    """The first actor that has written a pair dies before it says so."""

    log: Path

    def write(self, described: DescribedShard, pair: int) -> tuple[int, dict[str, Any]]:
        written = super().write(described, pair)
        if not (self.log / "died").exists():
            (self.log / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return written


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Its actors import the code of this program, but not the tests."""
    modules = (sys.modules[__name__], ray_nodes)
    with ray_nodes.ray_cluster() as started, ray_nodes.sent_by_value(*modules):
        yield started


@pytest.fixture(scope="module")
def folder(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model and records of six shards, with one damaged photograph, as a local run sees them."""
    root = tmp_path_factory.mktemp("shared")
    shutil.copytree(
        tiny.model, root / "model", ignore=shutil.ignore_patterns("embeddings", "indexes")
    )
    encoded = [path.read_bytes() for path in sorted(tiny.photos.glob("*/*.jpg"))[: 2 * SHARDS]]
    encoded[3] = encoded[3][:200]
    photographs = [
        Photograph(
            id=f"{number:016x}",
            sha256=content_id(content),
            encoded=content,
            format="JPEG",
            height=40,
            width=48,
            label=0,
            landmark="squares",
        )
        for number, content in enumerate(encoded)
    ]
    records.write_shards({"index": photographs}, root / "squares", shards=SHARDS)
    local = Settings(model=root / "model", records=root / "squares", output=str(root / "local"))
    embed(local)
    return root


def content(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def watched(folder: Path, log: Path, held: tuple[int, ...] = ()) -> Watched:
    table = open_records(folder / "squares")
    all_of = RecordedPhotographs.all_of(folder / "squares", table)
    names = tuple(Path(all_of.shards[place].name).name for place in held)
    fields = {one.name: getattr(all_of, one.name) for one in dataclasses.fields(all_of)}
    return Watched(**fields, log=log, held=names)


def job(folder: Path, photographs: RecordedPhotographs, output: Path) -> Job:
    described = model_folder.read_model_file(folder / "model")
    return Job(
        layout=files.VECTORS,
        load=VectorDescriber.open,
        photographs=photographs,
        model=folder / "model",
        fingerprint=described["fingerprint"],
        dimension=described["dimension"],
        output=str(output),
        batch=32,
    )


def times_read(photographs: Watched) -> list[int]:
    return [len(places(photographs, place)) for place in range(SHARDS)]


def places(photographs: Watched, place: int) -> list[str]:
    """Where a shard has been read."""
    name = Path(photographs.shards[place].name).name
    return [text for path in photographs.log.glob(f"{name} by *") if (text := path.read_text())]


def test_a_cluster_writes_the_bytes_of_a_local_run(
    cluster: Cluster,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Started where the code is not, with paths that mean something there only."""
    ray_nodes.have_nodes(cluster, 2)
    monkeypatch.chdir(folder)
    settings = Settings(
        model=Path("model"),
        records=Path("squares"),
        output="many",
        cluster=cluster.address,
        cluster_cores=1,
    )
    with caplog.at_level(logging.WARNING, "pipeline"):
        assert embed(settings) == "many"
    assert content(folder / "many") == content(folder / "local")
    (warning,) = (text for text in caplog.messages if text.startswith("Left out the photograph at"))
    assert str(folder / "squares") in warning


def test_what_is_lost_loses_nothing_and_doubles_nothing(
    cluster: Cluster, folder: Path, tmp_path: Path
) -> None:
    """The first actor that has written a pair dies before it says so; later a node is killed.

    The last two shards keep both nodes until then, so that one of them alone is described twice.
    What lay there before, to be described again, is not taken for what the first actor wrote.
    """
    ray_nodes.have_nodes(cluster, 2)
    photographs = watched(folder, tmp_path, held=(4, 5))
    whole = job(folder, photographs, Path(shutil.copytree(folder / "local", tmp_path / "many")))
    fields = {one.name: getattr(whole, one.name) for one in dataclasses.fields(whole)}
    run = functools.partial(run_job, run=on_cluster(cluster.address, 1), overwrite=True)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(run, Dying(**fields, log=tmp_path))
        (victim,) = ray_nodes.wait_for(lambda: places(photographs, 4))
        ray_nodes.wait_for(lambda: places(photographs, 5))
        assert (tmp_path / "died").exists()
        assert times_read(photographs) == [1] * SHARDS
        ray_nodes.kill(cluster, victim)
        (tmp_path / "go").touch()
        assert running.result()["photographs"] == 2 * SHARDS - 1
    assert times_read(photographs) == [1, 1, 1, 1, 2, 1]
    assert content(tmp_path / "many") == content(folder / "local")


def test_another_model_on_a_node_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"is \w{12} on a node and 0{12} where the job was start"):
        load_describer(VectorDescriber.open, folder / "model", "0" * 64)


def test_without_ray_the_error_names_the_extra(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("cluster", "cluster_connection", "embeddings.on_cluster"):
        monkeypatch.delitem(sys.modules, f"pipeline.{module}")
    monkeypatch.setitem(sys.modules, "ray", None)
    settings = Settings(model=folder / "model", records=folder / "squares", cluster="auto")
    with pytest.raises(ValueError, match=r"--cluster needs Ray; .*pip install -e '\.\[cluster\]'"):
        embed(settings)


def test_cores_of_a_cluster_are_refused_on_one_machine() -> None:
    with pytest.raises(ValueError, match=r"--cluster_cores has no effect with one machine; pass"):
        Settings(model=Path("model"), records=Path("records"), cluster_cores=4)
