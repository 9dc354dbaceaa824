"""Sets of vectors that indexes are measured on, as embeddings of a model.

``VECTORS.npz`` holds ``vectors`` ``(n, dim)`` of unit length and ``labels`` ``(n,)``; without it
the vectors are drawn around random centres. They are extended by copies mirrored along their
principal axes, at random: each copy has the same distances within and the same covariance, and
lies elsewhere.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import manifest
from pipeline.embeddings import files

_FINGERPRINT = "benchmark"
_PAIR = 100_000  # vectors in a pair of files
_NOISE = 0.02  # of a query, a coordinate at 256 dimensions


def read(path: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and labels of a file; without one, drawn around random centres."""
    if path is not None:
        content = np.load(path)
        return content["vectors"], content["labels"]
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(1000), 80)
    vectors = generator.standard_normal((1000, 256), np.float32)[labels]
    vectors += generator.standard_normal(vectors.shape, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


def extended(vectors: np.ndarray, labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
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


def embed(model: Path, vectors: np.ndarray, labels: np.ndarray) -> None:
    """Writes embeddings of a model that is there in name only."""
    model.mkdir()
    described = {"fingerprint": _FINGERPRINT, "training": None}
    manifest.write_json(model / "model.json", described)
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


def queries_near(vectors: np.ndarray, count: int) -> np.ndarray:
    """Some of the vectors, moved a little, unit length float32 ``(count, dim)``."""
    generator = np.random.default_rng(1)
    queries = vectors[generator.permutation(len(vectors))[:count]].astype(np.float32)
    queries += _NOISE * generator.standard_normal(queries.shape, np.float32)
    return queries / np.linalg.norm(queries, axis=1, keepdims=True)
