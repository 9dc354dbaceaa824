"""Collections of made vectors, built as ``pipeline.build_index`` builds them, and an oracle."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from models.words.bags import Bags
from pipeline import manifest
from pipeline.build_index import Settings, build_index
from pipeline.descriptions import Descriptions
from pipeline.embeddings import files
from pipeline.embeddings.bag_files import BAGS, COUNTED, entries_of

FINGERPRINT = "f" * 64
DIMENSION = 32


def clusters(landmarks: int, photographs: int, seed: int = 0) -> np.ndarray:
    """Unit vectors around as many centres as there are landmarks, float32 ``(n, DIMENSION)``.

    Two are equal, so that there are ties.
    """
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(landmarks, 1, DIMENSION))
    vectors = centres + 0.4 * generator.normal(size=(landmarks, photographs, DIMENSION))
    vectors = vectors.reshape(-1, DIMENSION).astype(np.float32)
    vectors[1] = vectors[0]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def photographs(labels: np.ndarray, first: int = 0) -> pa.Table:
    """A row for every label: ids ``photo 0`` and so on, landmarks ``landmark "0"``."""
    count = len(labels)
    values: dict[str, list[object]] = {
        name: [""] * count for name in files.OF_SEVERAL.names if name not in ("label", "offset")
    }
    numbers = range(first, first + count)
    values["id"] = [f"photo {number}" for number in numbers]
    values["content"] = [f"{number:016x}" for number in numbers]
    values["label"] = labels.tolist()
    values["landmark"] = [f'landmark "{label}"' if label >= 0 else "" for label in labels]
    values["author"] = ["Zoë" if number % 3 else "" for number in numbers]
    values["offset"] = [0] * count
    values["data"] = ["made"] * count
    return pa.table(values, files.OF_SEVERAL)


def as_bags(vectors: np.ndarray) -> Bags:
    """Vectors as bags of as many words as they have dimensions; numbers of 0 are no words."""
    rows, words = np.nonzero(vectors)
    return Bags(
        starts=np.concatenate([[0], np.cumsum(np.count_nonzero(vectors, axis=1))]),
        words=words.astype(np.int32),
        weights=vectors[rows, words].astype(np.float32),
        codes=np.zeros((len(rows), 0), np.uint8),
        dimension=vectors.shape[1],
    )


def embed(model: Path, data: str, vectors: Descriptions, rows: pa.Table, pairs: int = 3) -> Path:
    """Writes embeddings of a model that is there in name only; returns the model's folder."""
    model.mkdir(parents=True, exist_ok=True)
    described = {"fingerprint": FINGERPRINT, "training": None}
    manifest.write_json(model / "model.json", described)
    folder = model / "embeddings" / data
    shards = []
    is_sparse = isinstance(vectors, Bags)
    for number, part in enumerate(np.array_split(np.arange(len(vectors)), pairs)):
        entry = {"pair": number, "sha256": f"{number}"}
        own = rows.take(part).select(files.METADATA.names)
        of_part = vectors[part]
        if isinstance(of_part, Bags):
            own = own.append_column(COUNTED, pa.array(of_part.counts, pa.int32()))
            BAGS.write_pair(folder, number, entries_of(of_part), own, entry)
        else:
            files.write_pair(folder, number, of_part, own, entry)
        shards.append(entry)
    told = {"is_sparse": True, "dimension": vectors.shape[1]} if is_sparse else {}
    manifest_of_all = {"model_fingerprint": FINGERPRINT, "shards": shards, **told}
    files.write_manifest(folder, manifest_of_all)
    return model


def build(model: Path, kind: str, data: str = "made", **settings: object) -> Path:
    """Builds an index of embeddings that are there; of several data sets, comma-separated."""
    return build_index(Settings(model=model, data=tuple(data.split(",")), kind=kind, **settings))  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    """Of the files of an index, but for pictures and what is hidden."""
    return sorted(path.name for path in folder.glob("[!.]*") if path.suffix != ".png")


class Oracle:
    """Compares every query with every photograph, and knows which places are tied.

    Args:
        vectors: Unit length, float32 ``(photographs, dim)``.
        ids: Of the photographs.
    """

    def __init__(self, vectors: np.ndarray, ids: list[str]) -> None:
        self.ids = np.array(ids)
        self._vectors = vectors

    def cosines(self, queries: np.ndarray) -> np.ndarray:
        """Float ``(queries, photographs)``."""
        return queries.astype(np.float64) @ self._vectors.T.astype(np.float64)

    def recall(self, queries: np.ndarray, found: list[list[str]], k: int) -> float:
        """The share of ``k`` places that are rightly filled: by any of those tied for them."""
        places = {one: place for place, one in enumerate(self.ids)}
        shares = []
        for cosines, ids in zip(self.cosines(queries), found, strict=True):
            assert len(set(ids)) == len(ids), "a photograph is found once"
            wanted = min(k, len(cosines))
            least = np.sort(cosines)[-wanted] - 1e-6
            shares.append(sum(cosines[places[one]] >= least for one in ids) / wanted)
        return float(np.mean(shares))
