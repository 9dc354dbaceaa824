"""Speed and recall of indexes: through the project and through Faiss alone, changed and filtered.

    python -m benchmarks.search_indexes --vectors=VECTORS.npz
    python -m benchmarks.search_indexes --vectors=VECTORS.npz --count=1000000 --kinds=flat,fastscan

``VECTORS.npz`` holds ``vectors`` ``(n, dim)`` of unit length and ``labels`` ``(n,)``; without it
the vectors are drawn around random centres. They are extended to ``--count`` by copies mirrored
along their principal axes, at random: each copy has the same distances within and the same
covariance, and lies elsewhere.
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
import pyarrow as pa

from pipeline import manifest
from pipeline.build_index import Settings, build_index
from pipeline.embeddings import files
from pipeline.index import collection, faiss_collection, filters

_FINGERPRINT = "benchmark"
_QUERIES = 1000
_ALONE = 200
_ROUNDS = 5
_CHANGED = 1000  # photographs added, and removed
_PAIR = 100_000  # vectors in a pair of files
_NOISE = 0.02  # of a query, a coordinate at 256 dimensions


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
    vectors, labels = _read(arguments.vectors)
    vectors, labels = _extended(vectors, labels, arguments.count)
    generator = np.random.default_rng(1)
    queries = vectors[generator.permutation(len(vectors))[:_QUERIES]].astype(np.float32)
    queries += _NOISE * generator.standard_normal(queries.shape, np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / "model"
        _embed(model, vectors, labels)
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
    raw = faiss.read_index(file, faiss.IO_FLAG_MMAP_IFC)
    for name, batches in (
        ("one query", [query[None] for query in queries[:_ALONE]]),
        (f"{len(queries)} queries", [queries]),
    ):
        ours, theirs = [], []
        for _ in range(_ROUNDS):
            ours.append(_seconds(lambda batch: opened.search(batch, 10), batches))
            theirs.append(_seconds(lambda batch: raw.search(batch, 10), batches))
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


def _seconds(search: Callable[[np.ndarray], object], batches: list[np.ndarray]) -> float:
    start = time.perf_counter()
    for batch in batches:
        search(batch)
    return time.perf_counter() - start


def _read(path: Path | None) -> tuple[np.ndarray, np.ndarray]:
    if path is not None:
        content = np.load(path)
        return content["vectors"], content["labels"]
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(1000), 80)
    vectors = generator.standard_normal((1000, 256), np.float32)[labels]
    vectors += generator.standard_normal(vectors.shape, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


def _extended(vectors: np.ndarray, labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The vectors, and mirrored copies of them with labels of their own, float16."""
    exact = vectors.astype(np.float32)
    _, axes = np.linalg.eigh(exact.T @ exact)
    coordinates = exact @ axes
    generator = np.random.default_rng(0)
    parts, part_labels = [vectors.astype(np.float16)], [labels.astype(np.int64)]
    while sum(map(len, parts)) < count:
        signs = generator.choice([-1, 1], len(axes)).astype(np.float32)
        parts.append(((coordinates * signs) @ axes.T).astype(np.float16))
        part_labels.append(labels + len(part_labels) * (labels.max() + 1))
    return np.concatenate(parts)[:count], np.concatenate(part_labels)[:count]


def _embed(model: Path, vectors: np.ndarray, labels: np.ndarray) -> None:
    """Writes embeddings of a model that is there in name only."""
    model.mkdir()
    manifest.write_json(model / "model.json", {"fingerprint": _FINGERPRINT})
    folder, shards = model / "embeddings" / "made", []
    for number, start in enumerate(range(0, len(vectors), _PAIR)):
        part = slice(start, start + _PAIR)
        count = len(labels[part])
        names = [f"{start + place:016x}" for place in range(count)]
        values: dict[str, Any] = {name: [""] * count for name in files.METADATA.names}
        values |= {"id": names, "content": names, "label": labels[part], "offset": [0] * count}
        entry = {"pair": number, "sha256": str(number)}
        files.write_pair(folder, number, vectors[part], pa.table(values, files.METADATA), entry)
        shards.append(entry)
    files.write_manifest(folder, {"model_fingerprint": _FINGERPRINT, "shards": shards})


def _resident() -> float:
    """GiB that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**30


def _peak() -> float:
    """GiB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
