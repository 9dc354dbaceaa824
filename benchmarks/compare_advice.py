"""What ``--kind=auto`` chooses beside what autofaiss chooses for the same memory.

    python -m venv autofaiss
    autofaiss/bin/pip install autofaiss 'numpy<2' 'pandas<3' 'pyarrow<20'
    python -m benchmarks.compare_advice --autofaiss=autofaiss/bin/autofaiss --vectors=VECTORS.npz

autofaiss needs an environment of its own. Its index is read and searched here, by the same Faiss,
with the search parameters it chose, and asked the same queries. The vectors:
``benchmarks/vector_sets.py``.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks import vector_sets
from pipeline.build_index import Settings, build_index
from pipeline.index import measurement
from pipeline.index.collection import load_collection
from pipeline.index.faiss_collection import FaissCollection
from pipeline.index.truth import Nearest

_QUERIES = 1000
_K = 10


def main() -> None:
    """Prints two lines for every amount of memory."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--autofaiss", type=Path, required=True, help="Its command.")
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--count", type=int, default=78_480)
    parser.add_argument("--memory", default="12MB,24MB,50MB,100MB,120MB")
    parser.add_argument("--recall", type=float, default=0.95)
    arguments = parser.parse_args()
    vectors, labels = vector_sets.extended(*vector_sets.read(arguments.vectors), arguments.count)
    queries = vector_sets.queries_near(vectors, _QUERIES)
    distances, rows = faiss.knn(queries, vectors.astype(np.float32), 10 * _K)
    nearest = Nearest(distances, rows, _K)
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / "model"
        vector_sets.embed(model, vectors, labels)
        for memory in arguments.memory.split(","):
            print(f"\n{memory}")
            _build_and_measure(model, memory, arguments.recall, queries, nearest)
            _have_autofaiss_build(model, memory, arguments.autofaiss, queries, nearest)


def _build_and_measure(
    model: Path, memory: str, recall: float, queries: np.ndarray, nearest: Nearest
) -> None:
    start = time.perf_counter()
    settings = Settings(
        model=model, data=("made",), kind="auto", memory=memory, recall=recall, overwrite=True
    )
    opened = load_collection(build_index(settings))
    seconds = time.perf_counter() - start
    assert isinstance(opened, FaissCollection)
    # Rows of the index are not those of the files: ids tell them.
    ids = np.array(opened.photographs(np.arange(len(opened)))["id"].to_pylist())
    rows = np.array([int(one, 16) for one in ids])

    class Renumbered:
        """The index, its rows those of the files."""

        def search(self, batch: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
            similarities, found = opened.search(batch, k)
            return similarities, np.where(found < 0, -1, rows[found])

    _report(
        f"auto: {opened.manifest['engine']}",
        Renumbered(),
        opened.manifest["bytes"],
        seconds,
        queries,
        nearest,
    )


def _have_autofaiss_build(
    model: Path, memory: str, program: Path, queries: np.ndarray, nearest: Nearest
) -> None:
    index_path, infos_path = model / "autofaiss.index", model / "autofaiss.json"
    flags = {
        "embeddings": model / "embeddings" / "made" / "img_emb",
        "index_path": index_path,
        "index_infos_path": infos_path,
        "metric_type": "l2",
        "max_index_memory_usage": memory,
        "current_memory_available": "8GB",
    }
    start = time.perf_counter()
    command = [str(program), "build_index"]
    command += [f"--{name}={value}" for name, value in flags.items()]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"  autofaiss fails: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        return
    seconds = time.perf_counter() - start
    index = faiss.read_index(str(index_path))
    infos = json.loads(infos_path.read_text())
    faiss.ParameterSpace().set_index_parameters(index, infos["index_param"])
    name = f"autofaiss: {infos['index_key']}, {infos['index_param']}"
    _report(name, index, index_path.stat().st_size, seconds, queries, nearest)


def _report(
    name: str, index: Any, size: int, seconds: float, queries: np.ndarray, nearest: Nearest
) -> None:
    start = time.perf_counter()
    _, found = index.search(queries, _K)
    many = 1000 * (time.perf_counter() - start) / len(queries)
    alone = measurement.milliseconds_per_query(index, queries, _K)
    recall = nearest.recalls(found).mean()
    print(
        f"  recall@10 {recall:.3f}, {alone:.3f} ms alone, {many:.3f} of many, {size / 1e6:.1f} MB, "
        f"built in {seconds:.0f} s ({name})",
        flush=True,
    )


if __name__ == "__main__":
    main()
