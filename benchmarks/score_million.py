"""A hundred thousand queries over a million vectors: the memory and time of scoring an index.

    python -m benchmarks.score_million
    python -m benchmarks.score_million --vectors=VECTORS.npz --count=1000000 --queries=100000

The vectors are those of ``vector_sets``; so many of them keep their labels and ask, the others are
distractors. Prints how long ``pipeline.evaluate`` took, and the most memory that its process, and
the one that began it, ever had.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import vector_sets
from pipeline import manifest
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.scoring.scored_index import ScoredIndex

_GIB = 2**20  # ru_maxrss is in KiB


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _GIB


def main() -> None:
    """Builds the index, then scores it in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--kind", default="ivf")
    parser.add_argument("--score", type=Path, help="folder of an index, for the second process")
    arguments = parser.parse_args()
    if arguments.score is not None:
        _score(arguments.score)
        return
    vectors, labels = vector_sets.extended(*vector_sets.read(arguments.vectors), arguments.count)
    labels[arguments.queries :] = -1
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        vector_sets.embed(model, vectors, labels)
        del vectors, labels
        index = build_index(IndexSettings(model=model, data=("made",), kind=arguments.kind))
        command = [sys.executable, "-m", "benchmarks.score_million", f"--score={index}"]
        subprocess.run(command, check=True)


def _score(folder: Path) -> None:
    from pipeline.evaluate import Settings, evaluate  # noqa: PLC0415 - after memory was measured

    before = _peak()
    opened = ScoredIndex.open(folder)
    photographs = len(opened.collection)
    asked = int(np.count_nonzero(opened.labels >= 0))
    del opened
    after_opening = _peak()
    start = time.perf_counter()
    result = manifest.read_json(evaluate(Settings(index=folder)), "python -m pipeline.evaluate")
    seconds = time.perf_counter() - start
    print(
        f"{result['queries']:,} of {asked:,} labelled photographs asked {photographs:,}, first "
        f"{result['depth']:,} places: {seconds:.0f} s, {1000 * seconds / result['queries']:.2f} ms "
        f"a query; {before:.2f} GiB before, {after_opening:.2f} with the index open, {_peak():.2f} "
        f"at most. {result['scores']} {result.get('against_exact')}"
    )


if __name__ == "__main__":
    main()
