"""Makes the models that are compared, by the stages in a row."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.backbones import build_backbone
from pipeline import manifest
from pipeline.comparing.methods import UNDER_HEAD, Hog, Method, Network, Words
from pipeline.data.record_table import open_records
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.extract import Settings as ExtractSettings
from pipeline.extract import extract
from pipeline.learn_words import Settings as WordSettings
from pipeline.learn_words import learn
from pipeline.local_features.store import store_folder
from pipeline.progress import logger
from pipeline.train import Settings as TrainSettings
from pipeline.train import train
from pipeline.train_local import Settings as HeadSettings
from pipeline.train_local import train_local

DECIDED = "comparison.json"  # in a model's folder: what it was made of
RANDOM = "random"
# Fine-tuning on few landmarks is soon overdone: docs/training.md.
_PRETRAINED_RATE = 1e-5
_ARCFACE_RATES: dict[str, Any] = {
    "learning_rate": 5e-5,
    "head_learning_rate": 1e-3,
    "layer_decay": 0.5,
}
_FROM_SCRATCH_RATE = 1e-3
_FROZEN_STAGES = 3  # of pretrained backbones
_FEATURES = {"sift": 2000, "head": 400, "delf": 1000}  # of a photograph at most


@dataclasses.dataclass(frozen=True, kw_only=True)
class Making:
    """What models are made of.

    Attributes:
        folder: Where they go, a folder each.
        searched: Record folders that are described.
        training: Record folder whose split "train" is learned from.
        weights: Where each backbone starts, by its name: see ``build_backbone``.
        delf: Handle or folder of DELF.
        image_size: Side of what networks see, pixels.
        random_image_size: Of those that start at random.
        epochs: Of networks that learn.
        steps: An epoch; None for all the data.
    """

    folder: Path
    searched: tuple[Path, ...]
    training: Path
    weights: dict[str, str]
    delf: str
    image_size: int
    random_image_size: int
    epochs: int
    steps: int | None

    def make(self, method: Method) -> Path:
        """Makes a method's model and describes what is searched, unless that is done.

        Returns:
            The model's folder.

        Raises:
            FileNotFoundError: If something that it needs is missing.
            ValueError: As the stages do.
        """
        folder = self.model(method)
        if isinstance(method, Hog):
            export(ExportSettings(model=folder, classical="hog"))
        elif isinstance(method, Network):
            self._make_network(method, folder)
        else:
            self._make_words(method, folder)
        for records in self.searched:
            embed(EmbedSettings(model=folder, records=records))
        return folder

    def starts(self, method: Method) -> str:
        """Where the network of a method started, "" where there is none."""
        if isinstance(method, Hog) or (isinstance(method, Words) and method.extractor == "sift"):
            return ""
        if isinstance(method, Words):
            return "DELF" if method.extractor == "delf" else self.starts(UNDER_HEAD)
        weights = self._start(method.backbone)
        return {"none": RANDOM, "imagenet": "ImageNet"}.get(weights, Path(weights).name)

    def decided_by(self, method: Method) -> dict[str, Any]:
        """All that decides what a method's model gives."""
        decided: dict[str, Any] = {"method": dataclasses.asdict(method)}
        decided["searched"] = {str(one): list(_fingerprints(one)) for one in self.searched}
        if not isinstance(method, Hog):
            decided["training"] = {str(self.training): list(_fingerprints(self.training))}
        network = method
        if isinstance(method, Words):
            decided["features"] = _FEATURES[method.extractor]
            network = UNDER_HEAD if method.extractor == "head" else method
            decided |= {"delf": self.delf} if method.extractor == "delf" else {}
        if isinstance(network, Network):
            decided["start"] = self._start(network.backbone)
            decided["image_size"] = self._image_size(decided["start"])
            decided["epochs"], decided["steps"] = self.epochs, self.steps
        return decided

    def model(self, method: Method) -> Path:
        """The folder of a method's model, without one that was made of something else.

        Raises:
            ValueError: If something else lies there.
        """
        return self._claimed(self.folder / method.name, self.decided_by(method))

    def _claimed(self, folder: Path, decided: dict[str, Any]) -> Path:
        path = folder / DECIDED
        if path.is_file() and manifest.read_json(path, "python -m pipeline.compare") == decided:
            return folder
        if folder.exists():
            if not path.is_file():
                raise ValueError(
                    f"{folder} is of no comparison; name another folder with --output."
                )
            logger.info("%s was made of something else, and is made anew.", folder)
            manifest.remove(folder)
        manifest.write_json(path, decided)
        return folder

    def _image_size(self, start: str) -> int:
        return self.random_image_size if start == "none" else self.image_size

    def _start(self, backbone: str) -> str:
        return start_of(backbone, self.weights[backbone])

    def _make_network(self, method: Network, folder: Path) -> None:
        train(self._training(method, folder))
        export(ExportSettings(model=folder, variant="plain"))

    def _training(self, method: Network, folder: Path) -> TrainSettings:
        start = self._start(method.backbone)
        is_random = start == "none"
        settings = TrainSettings(
            output=folder,
            records=self.training,
            backbone=method.backbone,
            weights=start,
            pooling=method.pooling,
            projection="none",
            frozen_stages=0 if is_random else _FROZEN_STAGES,
            image_size=self._image_size(start),
            epochs=0 if method.loss is None else self.epochs,
            steps_per_epoch=self.steps,
            loss=method.loss or "triplet",
            learning_rate=_FROM_SCRATCH_RATE if is_random else _PRETRAINED_RATE,
        )
        is_fine_tuned = method.loss == "arcface" and not is_random
        return dataclasses.replace(settings, **_ARCFACE_RATES) if is_fine_tuned else settings

    def _make_words(self, method: Words, folder: Path) -> None:
        extractor = self._extractor(method)
        data = self.training.resolve().name
        learn(
            WordSettings(
                extractor=extractor,
                data=(data,),
                model=folder,
                split="train",
                words=method.words,
                aggregation=method.aggregation,
            )
        )

    def _extractor(self, method: Words) -> Path:
        """What finds the features of words, having found those that they are learned from."""
        decided = self.decided_by(method)
        del decided["method"]
        folder = self._claimed(self.folder / f"{method.extractor}-features", decided)
        if method.extractor == "sift":
            export(ExportSettings(model=folder, classical="sift"))
        elif method.extractor == "delf":
            export(ExportSettings(model=folder, delf=self.delf))
        else:
            self._make_head(folder)
        most = _FEATURES[method.extractor]
        if not store_folder(folder, self.training.resolve().name).is_dir():
            logger.info("Local features to learn words from:")
        extract(ExtractSettings(model=folder, records=self.training, most=most))
        return folder

    def _make_head(self, folder: Path) -> None:
        beneath = self.model(UNDER_HEAD)
        self._make_network(UNDER_HEAD, beneath)
        train_local(
            HeadSettings(
                model=beneath,
                output=folder,
                records=self.training,
                image_size=self._image_size(self._start(UNDER_HEAD.backbone)),
                epochs=self.epochs,
                steps_per_epoch=self.steps,
            )
        )
        export(ExportSettings(model=folder, variant="plain"))


@functools.cache
def start_of(backbone: str, weights: str) -> str:
    """Where a backbone starts: at random where ImageNet's weights cannot be had, which is said."""
    if weights != "imagenet":
        return weights
    try:
        build_backbone(backbone, weights)
    except FileNotFoundError as error:
        logger.warning(
            "The ImageNet weights of %s cannot be downloaded here (%s); it starts at random, and "
            "its rows say so.",
            backbone,
            str(error.__cause__).splitlines()[0],
        )
        return "none"
    return weights


def _fingerprints(records: Path) -> Sequence[str]:
    return open_records(records).fingerprints


def data_of(making: Making) -> tuple[str, ...]:
    """What the stages call the data sets that are searched."""
    return tuple(folder.resolve().name for folder in making.searched)
