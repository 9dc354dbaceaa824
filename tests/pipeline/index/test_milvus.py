"""What is Milvus's own: where it is, crashes, and what it would do silently."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline import manifest
from pipeline.build_index import Settings
from pipeline.index import (
    collection,
    filters,
    milvus_collection,
    milvus_database,
    milvus_index,
    milvus_table,
)
from pipeline.index.interface import Collection
from pipeline.index.milvus_collection import MilvusCollection
from tests import vector_collections
from tests.vector_collections import clusters, names, photographs

VECTORS = clusters(30, 8)
LABELS = np.repeat(np.arange(30), 8)
TEXTS = [
    *('the "old" bridge', "a\\b", '\\"', "two\nlines", "100%", "100", "a_b", "aXb", "Zoë", "ZOË"),
    *("", " ", "İstanbul", "straße", "STRASSE", "Ωmega", '" or label >= 0 or id == "', "[x]", "'"),
]
TABLE = photographs(LABELS)
TABLE = TABLE.set_column(
    TABLE.schema.get_field_index("title"), "title", [[TEXTS[n % len(TEXTS)] for n in range(240)]]
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vector_collections.embed(tmp_path_factory.mktemp("model"), "made", VECTORS, TABLE)


@pytest.fixture(scope="module")
def built(model: Path) -> Path:
    return vector_collections.build(model, "milvus")


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "index"))


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def opened(folder: Path) -> MilvusCollection:
    return milvus_collection.open_folder(folder)


def rows_in_milvus(folder: Path) -> int:
    return opened(folder).index.table.count("")


def grow(folder: Path) -> None:
    with collection.changing(folder) as change:
        change.add(-VECTORS[:5], photographs(LABELS[:5], 900))


def run(program: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", textwrap.dedent(program)]
    environment = {**os.environ, "PYTHONPATH": "."}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("operator", ["=", "!=", "~", ">=", "<="])
def test_conditions_hold_as_on_the_table(built: Path, operator: str) -> None:
    """Of text that Milvus would take for a wildcard, an escape or an end of text, too."""
    reader = opened(built)
    for text in (*TEXTS, "Straß", "%", "_", "\\", '"', "zo", "A", "i", "ω", "\u017f", "\u212a"):
        where = [filters.Condition("title", operator, (text,))]  # type: ignore[arg-type]
        expected = TABLE.filter(pa.array(filters.holds(TABLE, where)))
        _, keys = reader.search(VECTORS[:1], len(reader), where)
        found = reader.photographs(keys[0][keys[0] >= 0])
        assert sorted(found["id"].to_pylist()) == sorted(expected["id"].to_pylist()), text


@pytest.mark.parametrize("conditions", [["label=3|-1"], ["label!=3", "title~A|ω"], ["label>=28"]])
def test_filters_lose_nothing(built: Path, conditions: list[str]) -> None:
    """However many are asked for: Milvus itself finds fewer than satisfy a filter."""
    where = filters.parse(conditions)
    expected = np.flatnonzero(filters.holds(TABLE, where))
    reader = opened(built)
    for k in (1, len(expected), len(reader)):
        _, keys = reader.search(VECTORS[:7], k, where)
        assert ((keys >= 0).sum(axis=1) == min(k, len(expected))).all()


def test_what_a_graph_does_not_lead_to_is_compared(built: Path) -> None:
    reader = opened(built)
    similarities, keys = reader.search(VECTORS[:3], len(reader))
    for row, found in zip(similarities, keys, strict=True):
        assert sorted(found) == list(range(len(reader)))
        assert (np.diff(row) <= 1e-6).all()


def test_few_are_compared_one_by_one(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly, whatever the graph would have found."""
    where = filters.parse(["label=7"])
    expected = np.sort(VECTORS[7 * 8 : 8 * 8] @ VECTORS[0])[::-1]

    def none(*_: object) -> None:
        raise AssertionError("the graph is left aside")

    monkeypatch.setattr(milvus_index.MilvusIndex, "_search_graph", none)
    similarities, _ = opened(built).search(VECTORS[:1], 10, where)
    np.testing.assert_allclose(similarities[0, :8], expected, atol=1e-6)
    assert np.isneginf(similarities[0, 8:]).all()


def test_euclidean_similarity_is_minus_the_distance(model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "model"))
    far = 3 * VECTORS
    vector_collections.embed(copy, "far", far, TABLE)
    reader = collection.load_collection(
        vector_collections.build(copy, "milvus", data="far", metric="euclidean")
    )
    for where in (filters.parse([]), filters.parse(["label=0"])):
        similarities, keys = reader.search(far[:2], 3, where)
        expected = -np.linalg.norm(
            far[:2, None] - reader.vectors(keys.ravel()).reshape(2, 3, -1), axis=2
        )
        np.testing.assert_allclose(similarities, expected, atol=2e-3)
    with (
        pytest.raises(ValueError, match="A vector has to be finite"),
        collection.changing(copy / "indexes" / "far-milvus") as change,
    ):
        change.add(np.full((1, VECTORS.shape[1]), np.nan), photographs(LABELS[:1], 999))


def test_vectors_that_cannot_be_compared_are_not_built_of(tmp_path: Path) -> None:
    """Milvus takes NaN."""
    vectors = VECTORS.copy()
    vectors[100] = np.nan
    made = vector_collections.embed(tmp_path / "model", "made", vectors, TABLE)
    with pytest.raises(ValueError, match="An embedding has to be of unit length"):
        vector_collections.build(made, "milvus")
    assert not (made / "indexes" / "made-milvus" / "manifest.json").exists()


def test_large_collections_go_in_and_out_in_parts(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "model"))
    monkeypatch.setattr(milvus_table, "_MESSAGE_BYTES", 40_000)
    monkeypatch.setattr(milvus_index, "_RESULTS_AT_A_TIME", 64)
    reader = collection.load_collection(vector_collections.build(copy, "milvus", overwrite=True))
    assert reader.keys().tolist() == list(range(240))
    assert sorted(reader.ids()) == sorted(TABLE["id"].to_pylist())
    again = reader.photographs(reader.keys_of(TABLE["id"].to_pylist()))
    assert again.equals(TABLE)
    stored = reader.vectors(reader.keys_of(TABLE["id"].to_pylist()))
    np.testing.assert_allclose(stored, VECTORS, atol=1e-6)
    similarities, _ = reader.search(VECTORS[:20], 5)
    np.testing.assert_allclose(similarities[:, 0], 1, atol=1e-5)


def test_more_results_than_a_server_gives_are_refused(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus_collection, "MOST_RESULTS", 100)
    with pytest.raises(
        ValueError, match=r"Milvus finds 100 photographs at most. Received: k = 101"
    ):
        opened(built).search(VECTORS[:1], 101)


def test_a_reader_sees_what_it_opened_and_then_the_next(folder: Path) -> None:
    before = opened(folder)
    with collection.changing(folder) as change:
        change.add(-VECTORS[:5], photographs(LABELS[:5], 900))
        assert len(opened(folder)) == len(before) == 240
        assert len(change.now()) == 245
        assert before.search(-VECTORS[:1], 1)[0] < 0.9
        assert change.now().search(-VECTORS[:1], 1)[0] > 0.99
    assert before.search(-VECTORS[:1], 1)[0] < 0.9, "what was added later is not seen"
    assert len(before.keys()) == 240
    after = opened(folder)
    assert len(after) == len(after.keys()) == 245
    assert after.search(-VECTORS[:1], 1)[0] > 0.99


def test_a_reader_of_before_misses_what_was_removed(folder: Path) -> None:
    before = opened(folder)
    keys = before.keys_of(["photo 8", "photo 9"])
    with collection.changing(folder) as change:
        change.remove(["photo 8"])
    assert names(folder) == ["manifest.json", "milvus.db"], "nothing is left to be deleted"
    assert rows_in_milvus(folder) == 239
    _, found = before.search(VECTORS[8][None], 8)
    assert keys[0] not in found[0]
    with pytest.raises(ValueError, match=r"1 photographs have been removed since .* open it again"):
        before.photographs(keys)


def test_keys_are_not_given_twice(folder: Path) -> None:
    with collection.changing(folder) as change:
        change.remove(["photo 8"])
        change.add(VECTORS[8][None], TABLE.slice(8, 1))
    assert opened(folder).keys_of(["photo 8"]).tolist() == [240]


def test_a_change_that_fails_leaves_nothing(folder: Path) -> None:
    described = collection.read_manifest(folder)

    def fail() -> None:
        with collection.changing(folder) as change:
            change.add(-VECTORS[:5], photographs(LABELS[:5], 900))
            change.remove(["photo 3"])
            raise KeyError("elsewhere")

    with pytest.raises(KeyError):
        fail()
    assert collection.read_manifest(folder) == described
    assert rows_in_milvus(folder) == 240


CRASHES = {
    "inserted": ("milvus_table.MilvusTable.flush", 240),
    "not committed": ("generations.Generation.commit", 240),
    "not deleted": ("milvus_table.MilvusTable.delete", 241),
}


@pytest.mark.parametrize(("function", "held"), CRASHES.values(), ids=CRASHES.keys())
def test_a_writer_that_is_killed_leaves_the_old_or_the_new(
    folder: Path, function: str, held: int
) -> None:
    ended = run(f"""
        import os, signal
        from pathlib import Path
        from pipeline.index import collection, generations, milvus_table
        from tests.pipeline.index.test_milvus import LABELS, VECTORS, photographs
        with collection.changing(Path({str(folder)!r})) as change:
            change.add(-VECTORS[:3], photographs(LABELS[:3], 900))
            change.remove(["photo 8", "photo 9"])
            {function} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert rows_in_milvus(folder) == 243
    reader = opened(folder)
    assert len(reader) == len(reader.keys()) == held
    is_new = held == 241
    assert ("photo 8" in reader.ids(), "photo 900" in reader.ids()) == (not is_new, is_new)
    assert (reader.search(-VECTORS[:1], 1)[0] > 0.99) == is_new
    assert reader.search(VECTORS[:1], held)[1].min() >= 0
    with collection.changing(folder) as change:
        change.add(-VECTORS[7][None], photographs(LABELS[:1], 950))
    assert rows_in_milvus(folder) == len(opened(folder)) == held + 1, "the next writer clears away"
    assert names(folder) == ["manifest.json", "milvus.db"]


def test_building_again_replaces_the_collection(folder: Path, model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "model"))
    index = vector_collections.build(copy, "milvus", overwrite=True)
    first = collection.read_manifest(index)["milvus"]["collection"]
    before = opened(index)
    vector_collections.build(copy, "milvus", overwrite=True)
    second = collection.read_manifest(index)["milvus"]["collection"]
    assert first != second
    assert opened(index).index.table.database.call("list_collections") == [second]
    with pytest.raises(FileNotFoundError, match=r"has the collection no more.*open it again"):
        before.search(VECTORS[:1], 1)


def test_a_build_that_fails_leaves_the_index_that_was_there(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "model"))
    index = vector_collections.build(copy, "milvus", overwrite=True)
    described = collection.read_manifest(index)

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(milvus_index.MilvusIndex, "link", full)
        with pytest.raises(OSError, match="No space"):
            vector_collections.build(copy, "milvus", overwrite=True)
    assert collection.read_manifest(index) == described
    reader = opened(index)
    assert len(reader.keys()) == 240
    assert reader.index.table.database.call("list_collections") == [reader.index.table.name]


def test_a_build_that_is_killed_leaves_the_index_that_was_there(
    model: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "model"))
    index = vector_collections.build(copy, "milvus", overwrite=True)
    described = collection.read_manifest(index)
    ended = run(f"""
        import os, signal
        from pathlib import Path
        from pipeline.index import milvus_building
        from tests import vector_collections
        kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        milvus_building.MilvusBuild.commit = kill
        vector_collections.build(Path({str(copy)!r}), "milvus", overwrite=True)
    """)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert collection.read_manifest(index) == described
    reader = opened(index)
    assert len(reader.keys()) == 240
    assert len(reader.index.table.database.call("list_collections")) == 2
    vector_collections.build(copy, "milvus", overwrite=True)
    assert len(opened(index).index.table.database.call("list_collections")) == 1


def test_a_database_that_is_gone_is_named(folder: Path) -> None:
    shutil.rmtree(folder / "milvus.db")
    with pytest.raises(FileNotFoundError, match=r"milvus.db is gone; .*--kind=milvus --overwrite"):
        collection.load_collection(folder)
    with pytest.raises(FileNotFoundError, match=r"milvus.db is gone"), collection.changing(folder):
        pass
    assert names(folder) == ["manifest.json"], "no empty one takes its place"


def test_a_database_of_something_else_is_named(folder: Path) -> None:
    described = collection.read_manifest(folder)
    described["milvus"]["collection"] = "another"
    manifest.write_json(folder / "manifest.json", described)
    with pytest.raises(FileNotFoundError, match="has no collection another; build it again"):
        collection.load_collection(folder)


def test_a_database_of_another_day_is_named(folder: Path, tmp_path: Path) -> None:
    """Such as one that was copied back from before the last change."""
    shutil.copytree(folder / "milvus.db", tmp_path / "old.db")
    grow(folder)
    shutil.rmtree(folder / "milvus.db")
    shutil.copytree(tmp_path / "old.db", folder / "milvus.db")
    with pytest.raises(FileNotFoundError, match=r"holds 240 photographs, 245 were written"):
        collection.load_collection(folder)
    with (
        pytest.raises(FileNotFoundError, match=r"holds 240 photographs, 245 were written"),
        collection.changing(folder),
    ):
        pass


def test_a_damaged_database_is_named_and_can_be_built_again(model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "model"))
    index = vector_collections.build(copy, "milvus", overwrite=True)
    for path in (index / "milvus.db").rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(OSError, match=r"Milvus Lite in .*milvus.db fails: .*remove them and build"):
        collection.load_collection(index)
    shutil.rmtree(index / "milvus.db")
    vector_collections.build(copy, "milvus", overwrite=True)
    assert len(opened(index).keys()) == 240


def test_a_server_that_does_not_answer_is_named(
    folder: Path, model: Path, closed_port: int
) -> None:
    uri = f"http://127.0.0.1:{closed_port}"
    described = collection.read_manifest(folder)
    described["milvus"]["uri"] = uri
    manifest.write_json(folder / "manifest.json", described)
    with pytest.raises(ConnectionError, match=f"No Milvus answers at --uri={uri} .*MILVUS_TOKEN"):
        collection.load_collection(folder)
    with pytest.raises(ConnectionError, match=f"No Milvus answers at --uri={uri}"):
        vector_collections.build(model, "milvus", uri=uri, overwrite=True)


def test_a_second_process_is_told_that_one_is_let_in(folder: Path) -> None:
    program = f"""
        from pathlib import Path
        from pipeline.index import collection
        print(len(collection.load_collection(Path({str(folder)!r}))))
    """
    reader: Collection = opened(folder)
    ended = run(program)
    assert "BlockingIOError: Another process has" in ended.stderr
    assert "Milvus Lite lets in one at a time" in ended.stderr
    assert len(reader) == 240
    del reader
    ended = run(program)
    assert ended.stdout == "240\n", "who holds it no more has left it"


def test_where_the_extra_is_missing_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("pipeline.index.milvus_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(ValueError, match=r"--kind=milvus needs .* pip install -e '\.\[milvus\]'"):
        collection.milvus("collection")


def test_the_token_is_sent_and_not_written(
    built: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sent = []
    monkeypatch.setenv("MILVUS_TOKEN", "root:secret")
    monkeypatch.setattr(milvus_database, "MilvusClient", lambda *_, **named: sent.append(named))
    monkeypatch.setattr(milvus_database, "_close", lambda *_: None)
    milvus_database.MilvusDatabase("http://nowhere:19530").connect()
    assert sent[0]["token"] == "root:secret"
    assert "secret" not in (built / "manifest.json").read_text()


@pytest.mark.parametrize("uri", ["http://root:secret@host:19530", "host:19530", "", "database"])
def test_addresses_that_are_none_are_refused(uri: str) -> None:
    with pytest.raises(ValueError, match=r"--uri is http://HOST:PORT or a path .*MILVUS_TOKEN"):
        Settings(model=Path("model"), data=("made",), kind="milvus", uri=uri)


def test_an_address_goes_with_milvus_alone() -> None:
    with pytest.raises(ValueError, match="--uri has no effect with --kind=flat"):
        Settings(model=Path("model"), data=("made",), uri="http://host:19530")


def test_a_proxy_is_not_asked_for_what_is_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert len(opened(folder)) == 240


def test_a_database_may_lie_elsewhere(model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "model"))
    index = vector_collections.build(copy, "milvus", uri=str(tmp_path / "a.db"), overwrite=True)
    assert names(index) == ["manifest.json"]
    assert len(opened(index).keys()) == 240
    here = str(index / "milvus.db")
    vector_collections.build(copy, "milvus", uri=here, overwrite=True)
    assert len(opened(index).keys()) == 240, "the default place may be named"


def test_columns_that_milvus_does_not_hold_are_refused(built: Path) -> None:
    table = opened(built).index.table
    with pytest.raises(ValueError, match=r"Milvus holds text and whole numbers. Received: taken"):
        table.create(pa.schema([("taken", pa.date32())]))
