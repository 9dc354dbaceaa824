"""Jobs that are killed, run out of space or are resumed end as if nothing had happened."""

import dataclasses
import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import manifest, model_folder, storage
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.data import records
from pipeline.data.records import Photograph
from pipeline.data.sources.source import content_id
from pipeline.embed import Settings, embed
from pipeline.embeddings import files
from pipeline.embeddings.destination import require_own_folder
from pipeline.embeddings.files import read_embeddings
from pipeline.embeddings.pairs import Pairs
from tests.tiny import Tiny, change_model, write_photographs

CHECKOUT = Path(__file__).parents[3]
SECONDS = 120  # that a run may take on a busy machine


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records in ten shards."""
    root = tmp_path_factory.mktemp("many")
    write_photographs(root / "photos", landmarks=5, photographs=8)
    return build_records(
        RecordSettings(photos=root / "photos", output=root / "many", shards=10, split=("index",))
    )


@pytest.fixture
def model(tiny: Tiny, tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("embeddings", "indexes")
    return Path(shutil.copytree(tiny.model, tmp_path / "model", ignore=ignored))


def command(model: Path, folder: Path, *more: str) -> list[str]:
    flags = [f"--model={model}", f"--records={folder}", "--batch_size=1"]
    return [sys.executable, "-m", "pipeline.embed", *flags, *more]


def content(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def finished(folder: Path) -> dict[int, int]:
    """When each whole pair was written."""
    numbers = [n for n in files.numbers_in(folder) if files.read_entry(folder, n)]
    return {n: Path(files.metadata_path(folder, n)).stat().st_mtime_ns for n in numbers}


def kill_at(count: Callable[[], int], least: int, command: list[str]) -> None:
    """Starts a command and, as soon as there are so many of something, kills it by kill -9."""
    process = subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + SECONDS
    try:
        while count() < least:
            assert process.poll() is None, "it was done before it could be killed"
            assert time.monotonic() < until
            time.sleep(0.001)
    finally:
        process.send_signal(signal.SIGKILL)
        status = process.wait()
    assert status == -signal.SIGKILL


def test_a_killed_job_ends_with_the_bytes_of_an_uninterrupted_one(
    model: Path, many: Path, tmp_path: Path
) -> None:
    """Killed by kill -9 as soon as some pairs are there, and a second time with more."""
    whole = Path(embed(Settings(model=model, records=many, batch_size=1)))
    expected = content(whole)
    shutil.move(whole, tmp_path / "whole")
    kept: dict[int, int] = {}
    for pairs in (2, 5):
        kill_at(lambda: len(finished(whole)), pairs, command(model, many))
        now = finished(whole)
        assert kept.items() <= now.items(), "no finished pair is made twice"
        kept = now
        with pytest.raises(FileNotFoundError, match=r"manifest.json is missing; make it with"):
            read_embeddings([whole])
    embed(Settings(model=model, records=many, batch_size=1))
    assert kept.items() <= finished(whole).items()
    assert content(whole) == expected


def test_an_interrupted_overwrite_goes_on_without_the_flag(
    model: Path, many: Path, tmp_path: Path
) -> None:
    """Another model, and killed by kill -9 as soon as some pairs are there."""
    output = Path(embed(Settings(model=model, records=many, batch_size=1)))
    change_model(model)
    expected = Path(
        embed(Settings(model=model, records=many, batch_size=1, output=str(tmp_path / "whole")))
    )
    fingerprint = model_folder.fingerprint(model)

    def new() -> int:
        try:
            entries = [files.read_entry(output, number) for number in range(10)]
        except FileNotFoundError:  # an old pair was removed while it was being read
            return 0
        return sum(one is not None and one["model_fingerprint"] == fingerprint for one in entries)

    kill_at(new, 2, command(model, many, "--overwrite"))
    kept = finished(output)
    assert len(kept) < 10
    embed(Settings(model=model, records=many, batch_size=1))
    assert kept.items() <= finished(output).items()
    assert content(output) == content(expected)


def test_a_full_disk_is_told_and_costs_nothing_that_is_finished(
    model: Path, tiny: Tiny, tmp_path: Path
) -> None:
    """The limit on a file's size is that of the first pair, which is of one photograph."""
    encoded = [path.read_bytes() for path in sorted(tiny.photos.glob("*/*.jpg"))]
    photographs = [
        Photograph(
            id=f"{number:016x}",
            sha256=content_id(one),
            encoded=one,
            format="JPEG",
            height=40,
            width=48,
            landmark="squares",
        )
        for number, one in enumerate(encoded)
    ]
    folder = tmp_path / "squares"
    records.write_shards({"index": photographs[:1], "train": photographs[1:]}, folder, shards=1)
    whole = Path(embed(Settings(model=model, records=folder, batch_size=1)))
    assert [shard["photographs"] for shard in files.read_manifest(whole)["shards"]] == [1, 23]
    enough = max(path.stat().st_size for path in whole.glob("*/*_0.*"))
    output = tmp_path / "full" / "squares"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (enough, enough))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run(
        command(model, folder, f"--output={output}"),
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "error: [Errno 27] File too large" in done.stderr
    assert "then run the command again: it goes on." in done.stderr
    assert "Traceback" not in done.stderr
    kept = finished(output)
    assert set(kept) == {0}
    embed(Settings(model=model, records=folder, output=str(output), batch_size=1))
    assert kept.items() <= finished(output).items()
    assert content(output) == content(whole)


def test_a_mount_that_turns_read_only_costs_nothing_that_is_finished(
    model: Path, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a pair: its vectors are there, its rows are not."""
    whole = Path(embed(Settings(model=model, records=many)))
    settings = Settings(model=model, records=many, output=str(tmp_path / "mount"))
    write = storage.write
    written: list[str] = []

    def fail_in_the_end(path: str, content: bytes) -> None:
        if len(written) == 7:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        write(path, content)
        written.append(path)

    with monkeypatch.context() as lost:
        lost.setattr(storage, "write", fail_in_the_end)
        with pytest.raises(OSError, match=r"Read-only file system: '.*metadata_3.parquet'\. Mend"):
            embed(settings)
    kept = finished(tmp_path / "mount")
    assert set(kept) == {0, 1, 2}
    embed(settings)
    assert kept.items() <= finished(tmp_path / "mount").items()
    assert content(tmp_path / "mount") == content(whole)


def test_records_on_a_mount_that_is_lost_are_described_once_it_is_back(
    model: Path, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(many, tmp_path / "mount" / "many"))
    settings = Settings(model=model, records=folder, batch_size=1)
    whole = content(Path(embed(settings)))
    away = tmp_path / "away"
    write_pair = Pairs.write_pair
    written: list[int] = []

    def write_and_lose(*arguments: Any) -> None:
        write_pair(*arguments)
        written.append(arguments[2])
        if len(written) == 2:
            folder.rename(away)

    with monkeypatch.context() as lost:
        lost.setattr(Pairs, "write_pair", write_and_lose)
        with pytest.raises(OSError, match=r"tfrecord.* again without --overwrite: it goes on"):
            embed(dataclasses.replace(settings, overwrite=True))
    output = Path(settings.folder)
    kept = finished(output)
    assert {0, 1} <= set(kept)
    assert len(kept) < 10
    away.rename(folder)
    embed(settings)
    assert kept.items() <= finished(output).items()
    assert content(output) == whole


def test_added_shards_alone_are_described(model: Path, many: Path, tmp_path: Path) -> None:
    """As a folder of DELF's shards, or tensorflow-datasets', grows."""
    folder = tmp_path / "growing"
    shards = records.list_shards(many)
    _write(many, folder, 4)
    output = Path(embed(Settings(model=model, records=folder)))
    before = finished(output)
    assert len(read_embeddings([output]).vectors) == sum(shard.count for shard in shards[:4])
    _write(many, folder, 10)
    embed(Settings(model=model, records=folder))
    after = finished(output)
    assert len(after) == 10
    embedded = read_embeddings([output])
    assert len(embedded.vectors) == 40
    assert {Path(shard).name for shard in embedded.metadata["shard"].to_pylist()} == {
        shard.path.name for shard in records.list_shards(folder)
    }
    vectors = {n: Path(files.vectors_path(output, n)).stat().st_mtime_ns for n in before}
    assert max(vectors.values()) < min(after[n] for n in after.keys() - before.keys())


def _write(many: Path, folder: Path, count: int) -> None:
    """The first of the shards, named as so many, and their description."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shards = records.list_shards(many)[:count]
    for number, shard in enumerate(shards):
        name = f"landmark_records-index.tfrecord-{number:05}-of-{count:05}"
        shutil.copyfile(shard.path, folder / name)
    shutil.copyfile(many / "features.json", folder / "features.json")
    described = json.loads((many / "dataset_info.json").read_text())
    described["splits"][0]["shardLengths"] = [str(shard.count) for shard in shards]
    (folder / "dataset_info.json").write_text(json.dumps(described))


def test_ids_alone_are_described(model: Path, many: Path, tmp_path: Path) -> None:
    every = read_embeddings([embed(Settings(model=model, records=many))])
    wanted = every.metadata["id"].to_pylist()[3:12]
    (tmp_path / "ids.txt").write_text("\n".join(wanted))
    settings = Settings(model=model, records=many, ids=str(tmp_path / "ids.txt"), name="some")
    some = read_embeddings([embed(settings)])
    assert sorted(some.metadata["id"].to_pylist()) == sorted(wanted)
    (tmp_path / "ids.txt").write_text("\n".join(wanted[4:]))
    with pytest.raises(ValueError, match=r"vectors of 4 photographs .* another --name to keep bo"):
        embed(settings)
    assert len(read_embeddings([settings.folder]).vectors) == 9
    (tmp_path / "ids.txt").write_text("\n".join(every.metadata["id"].to_pylist()[:12]))
    assert len(read_embeddings([embed(settings)]).vectors) == 12, "more are added"
    (tmp_path / "ids.txt").write_text(f"{wanted[0]}\nnobody's\n")
    with pytest.raises(ValueError, match=r"Received: 2 ids, 1 of them unknown: \[\"nobody's\"\]"):
        embed(settings)


def test_the_output_may_begin_at_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell leaves --output=~/emb as it is."""
    monkeypatch.setenv("HOME", "/home/ana")
    settings = Settings(model=Path("model"), records=Path("records"), output="~/emb")
    assert settings.folder == "/home/ana/emb"
    assert model_folder.embeddings(Path("model"), "~/emb") == "/home/ana/emb"
    bucket = Settings(model=Path("model"), records=Path("records"), output="gs://bucket/~")
    assert bucket.folder == "gs://bucket/~"


def test_what_others_wrote_is_not_written_over(tiny: Tiny, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "notes.txt").write_text("mine")
    clip = tmp_path / "clip-retrieval"
    shutil.copytree(tiny.embeddings / "img_emb", clip / "img_emb")
    (clip / "metadata").mkdir()
    pq.write_table(pa.table({"caption": ["a"]}), clip / "metadata" / "metadata_0.parquet")
    for folder in (theirs, clip, tiny.records, tiny.model, tiny.index):
        before = content(folder)
        for overwrite in (False, True):
            with pytest.raises(ValueError, match=r"no folder of embeddings; name another --output"):
                embed(
                    Settings(
                        model=tiny.model,
                        records=tiny.records,
                        output=str(folder),
                        overwrite=overwrite,
                    )
                )
        assert content(folder) == before


@pytest.mark.parametrize(
    "left",
    [
        ["img_emb", "metadata", "manifest.json"],
        ["img_emb", "metadata"],
        ["img_emb"],
        [],
    ],
)
def test_what_an_interrupted_job_left_is_its_own(left: list[str], tmp_path: Path) -> None:
    """A manifest that is damaged takes nothing away."""
    rows = pa.table({field.name: [] for field in files.METADATA}, schema=files.METADATA)
    files.write_pair(tmp_path, 0, np.zeros((0, 4), np.float32), rows, {"pair": 0})
    (tmp_path / "manifest.json").write_text("{")
    for name in {"img_emb", "metadata", "manifest.json"} - set(left):
        manifest.remove(tmp_path / name)
    require_own_folder(files.VECTORS, str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "Pass either --records=tfrecords/NAME or --photos=DIR"),
        ({"records": Path("a"), "photos": "b"}, "Pass either --records"),
        ({"photos": "b", "ids": "c", "name": "d"}, "--ids are those of --records"),
        ({"records": Path("a"), "ids": "c"}, "Pass --name=NAME"),
        ({"photos": "-"}, "Pass --name=NAME"),
        ({"photos": "/"}, "Pass --name=NAME"),
        ({"photos": ""}, "--photos is empty; name a file or a folder"),
        ({"records": Path("a"), "output": ""}, "--output is empty; name a file or a folder"),
        ({"records": Path("a"), "ids": "", "name": "b"}, "--ids is empty; name a file or a folder"),
        ({"records": Path("a"), "name": "."}, "--name is a name without a folder"),
        ({"records": Path("a"), "name": ".."}, "--name is a name without a folder"),
        ({"records": Path("a"), "name": "b/c"}, "--name is a name without a folder"),
        ({"records": Path("a"), "name": "b", "output": "c"}, "--name has no effect"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(model=Path("model"), **changes)  # type: ignore[arg-type]
