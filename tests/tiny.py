"""One tiny collection, from photographs to a searched index, and how it is made."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline import manifest, model_folder
from pipeline.export import Settings as ExportSettings
from pipeline.train import Settings as TrainSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tiny:
    """Where the parts of the tiny collection lie."""

    photos: Path
    records: Path
    model: Path
    embeddings: Path
    index: Path

    def copy_model(self, folder: Path) -> None:
        """The exported model with the one index above, whatever other tests built beside it."""
        aside = shutil.ignore_patterns("training", "metrics", "indexes")
        shutil.copytree(self.model, folder, ignore=aside)
        shutil.copytree(self.index, folder / "indexes" / self.index.name)


def write_photographs(folder: Path, landmarks: int, photographs: int, seed: int = 0) -> None:
    """A sub-folder a landmark; what one landmark shows is four colours, with noise."""
    for landmark in range(landmarks):
        colours = np.random.default_rng((seed, landmark)).integers(30, 226, (2, 2, 3))
        for number in range(photographs):
            noise = np.random.default_rng((seed, landmark, number)).integers(-25, 26, (40, 48, 3))
            pixels = np.kron(colours, np.ones((20, 24, 1), int)) + noise
            path = folder / f"landmark {landmark}" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tf.io.encode_jpeg(pixels.astype(np.uint8), quality=95).numpy())


def change_model(model: Path) -> None:
    """Another attribute in the graph's file: the same vectors, another fingerprint."""
    with (model / "saved_model" / "saved_model.pb").open("ab") as file:
        file.write(b"\x08\x01")  # the schema version, a field of the message, once more
    described = model_folder.read_model_file(model)
    described["fingerprint"] = model_folder.fingerprint(model)
    manifest.write_json(model / "model.json", described)


def tiny_training(output: Path, records: Path | None, **changes: object) -> TrainSettings:
    """The settings of the tiny model's training."""
    settings = TrainSettings(
        output=output,
        records=records,
        triplets=changes.pop("triplets", None),  # type: ignore[arg-type]
        backbone="small",
        weights="none",
        dimension=16,
        image_size=32,
        landmarks_per_batch=3,
        photographs_per_landmark=4 if records is None else 2,  # of no effect on triplets
        epochs=1,
        learning_rate=1e-3,
    )
    return dataclasses.replace(settings, **changes)  # type: ignore[arg-type]


def tiny_export(model: Path, **changes: object) -> ExportSettings:
    """The settings of the tiny model's export: the graph as trained, without measuring."""
    settings = ExportSettings(model=model, variant="plain")
    return dataclasses.replace(settings, **changes)  # type: ignore[arg-type]
