"""Speed and recall of indexes: through the project and through Faiss alone, changed and filtered.

    python -m benchmarks.search_indexes --vectors=VECTORS.npz
    python -m benchmarks.search_indexes --vectors=VECTORS.npz --count=1000000 --kinds=flat,fastscan

The vectors and how they are extended: ``benchmarks/vector_sets.py``.
"""

import argparse
import functools
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np

from benchmarks import vector_sets
from pipeline.build_index import Settings, build_index
from pipeline.index import collection, faiss_collection, filters

_QUERIES = 1000
_ALONE = 200
_ROUNDS = 5
_CHANGED = 1000  # photographs added, and removed


class Exact(NamedTuple):
    """What the exact index did: seconds for all queries, and the ids that it found."""

    seconds: float
    ids: np.ndarray


def main() -> None:
    """Prints a block for every kind."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--count", type=int, default=78_480)
    parser.add_argument("--kinds", default="flat,ivf,hnsw,fastscan")
    parser.add_argument("--recall", type=float, default=0.95)
    arguments = parser.parse_args()
    vectors, labels = vector_sets.extended(*vector_sets.read(arguments.vectors), arguments.count)
    queries = vector_sets.queries_near(vectors, _QUERIES)
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / "model"
        vector_sets.embed(model, vectors, labels)
        del vectors
        exact = None
        for kind in arguments.kinds.split(","):
            exact = _measure(model, kind, arguments.recall, queries, exact)


def _measure(
    model: Path,
    kind: str,
    least: float,
    queries: np.ndarray,
    exact: Exact | None,
) -> Exact | None:
    before = _resident()
    start = time.perf_counter()
    settings = Settings(model=model, data=("made",), kind=kind, recall=least)
    folder = build_index(settings)
    built = time.perf_counter() - start
    described = collection.read_manifest(folder)
    print(f"\n{kind}: {described['engine']}, {described['bytes'] / 1e6:.0f} MB", flush=True)
    print(
        f"  built, tuned and measured in {built:.1f} s, at most {_peak() - before:.2f} GiB more; "
        f"recall@10 {described['recall@10_against_exact']:.3f}"
    )
    start = time.perf_counter()
    opened = faiss_collection.open_folder(folder)
    opened.search(queries[:1], 10)
    print(f"  opened and first query answered: {time.perf_counter() - start:.3f} s")
    file = str(folder / described["files"]["index"]["file"])
    raw = _raw(file, "lists" in described["files"])
    for name, batches in (
        ("one query", [query[None] for query in queries[:_ALONE]]),
        (f"{len(queries)} queries", [queries]),
    ):
        ours: list[float] = []
        theirs: list[float] = []
        for turn in range(_ROUNDS):
            both = [(ours, opened), (theirs, raw)]
            for seconds, index in both if turn % 2 else reversed(both):
                seconds.append(_seconds(functools.partial(_search_ten, index), batches))
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        print(
            f"  {name}: {1000 * min(ours) / sum(map(len, batches)):.4f} ms a query; beside Faiss "
            f"alone {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        )
    _, keys = opened.search(queries, 10)
    ids = np.array(opened.photographs(keys.ravel())["id"].to_pylist()).reshape(keys.shape)
    if kind == "flat":
        exact = Exact(min(ours), ids)
    elif exact is not None:
        recall = (exact.ids[:, :, None] == ids[:, None, :]).any(2).mean()
        faster = exact.seconds / min(ours)
        print(f"  beside flat: {faster:.1f} times the queries a second, recall@10 {recall:.3f}")
    _measure_filters(opened, queries)
    _measure_changes(folder)
    return exact


def _raw(file: str, has_lists: bool) -> Any:
    """The same index through Faiss alone, opened alike."""
    if has_lists:
        return faiss.read_index(file, faiss.IO_FLAG_ONDISK_SAME_DIR | faiss.IO_FLAG_READ_ONLY)
    return faiss.read_index(file, faiss.IO_FLAG_MMAP_IFC)


def _measure_filters(opened: faiss_collection.FaissCollection, queries: np.ndarray) -> None:
    labels = opened.photographs(opened.keys())["label"].to_numpy()
    for share in (0.5, 0.05, 0.001):
        where = filters.parse([f"label<={int(np.quantile(labels, share))}"])
        start = time.perf_counter()
        opened.search(queries[:1], 10, where)
        first = 1000 * (time.perf_counter() - start)
        search = functools.partial(opened.search, k=10, where=where)
        seconds = _seconds(search, [queries[:1]] * 20)
        print(f"  {share:.1%} allowed: first query {first:.1f} ms, then {50 * seconds:.3f} ms")


def _measure_changes(folder: Path) -> None:
    opened = collection.load_collection(folder)
    keys = opened.keys()[:_CHANGED]
    rows, vectors = opened.photographs(keys), opened.vectors(keys)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def change(what: str, act: Callable[[faiss_collection.FaissChange], None]) -> None:
        start = time.perf_counter()
        with faiss_collection.changing(folder) as changed:
            act(changed)
        print(f"  {what} {_CHANGED} photographs: {time.perf_counter() - start:.2f} s")

    change("removed", lambda changed: changed.remove(rows["id"].to_pylist()))
    change("added", lambda changed: changed.add(vectors, rows))


def _search_ten(index: Any, batch: np.ndarray) -> None:
    index.search(batch, 10)


def _seconds(search: Callable[[np.ndarray], object], batches: list[np.ndarray]) -> float:
    start = time.perf_counter()
    for batch in batches:
        search(batch)
    return time.perf_counter() - start


def _resident() -> float:
    """GiB that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**30


def _peak() -> float:
    """GiB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
