"""Results of a small collection of made vectors whose photographs are files, to report."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from pipeline import manifest
from pipeline.data.sources.source import content_id
from pipeline.evaluate import Settings, evaluate
from tests import vector_collections
from tests.vector_collections import FINGERPRINT

LANDMARKS = 10  # as few as calibration is learned from, and two
OF_EACH = 5
DISTRACTORS = 4
HOSTILE = '<script>alert("1")</script> & Tower'
EPOCHS = [
    {"epoch": 0, "loss": None, "held-out mAP": 0.25},
    {"epoch": 1, "loss": 1.5, "held-out mAP": 0.5},
    {"epoch": 2, "loss": 0.75, "held-out mAP": 0.45},
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reported:
    """Where the parts lie: results of an index as it is, and with two steps of reordering."""

    model: Path
    index: Path
    plain: Path
    reordered: Path


def make(folder: Path) -> Reported:
    """Makes a model in name only, its index, two results and the account of a training."""
    model = folder / "exported" / "made"
    labels = np.repeat(np.arange(LANDMARKS), OF_EACH).tolist() + [-1] * DISTRACTORS
    generator = np.random.default_rng(3)
    vectors = np.concatenate(
        [
            vector_collections.clusters(LANDMARKS, OF_EACH),
            generator.normal(size=(DISTRACTORS, vector_collections.DIMENSION)).astype(np.float32),
        ]
    )
    vectors[7], vectors[12] = vectors[11], vectors[6]  # some are taken for others
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = photographs(folder / "photos", np.array(labels))
    vector_collections.embed(model, "made", vectors, rows)
    described = {"fingerprint": FINGERPRINT, "training": None, "kind": "deep", "dimension": 32}
    manifest.write_json(model / "model.json", described)
    manifest.write_json(model / "training" / "history.json", {"epochs": EPOCHS})
    trained = {
        "settings": {"backbone": "small", "loss": "triplet"},
        "data": {"records": 1234, "landmarks": 56},
        "best_epoch": 1,
    }
    manifest.write_json(model / "training" / "training.json", trained)
    index = vector_collections.build(model, "flat")
    return Reported(
        model=model,
        index=index,
        plain=evaluate(Settings(index=index)),
        reordered=evaluate(Settings(index=index, expand=2, diffuse=3)),
    )


def photographs(folder: Path, labels: np.ndarray) -> pa.Table:
    """A file of one colour for every label, the first landmark's name one that must not run."""
    folder.mkdir(parents=True)
    rows = vector_collections.photographs(labels)
    changed: dict[str, list[object]] = {"shard": [], "content": [], "title": [], "landmark": []}
    for number, label in enumerate(labels.tolist()):
        encoded = io.BytesIO()
        colour = np.random.default_rng(label + 1).integers(40, 220, 3)
        pixels = np.full((240, 320, 3), colour, np.uint8)
        pixels[: 20 + number] //= 2  # no two are the same
        Image.fromarray(pixels).save(encoded, "JPEG")
        path = folder / f"{number}.jpg"
        path.write_bytes(encoded.getvalue())
        name = "" if label < 0 else HOSTILE if label == 0 else f"landmark_{label}"
        changed["shard"].append(str(path))
        changed["content"].append(content_id(encoded.getvalue()))
        changed["title"].append(f"{name}/{number}.jpg" if name else f"{number}.jpg")
        changed["landmark"].append(name)
    changed["offset"] = [-1] * len(labels)
    changed["license"] = ["CC BY 4.0"] * len(labels)
    changed["url"] = ["https://example.org/photograph"] * len(labels)
    for name, values in changed.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(place), pa.array(values))
    return rows
