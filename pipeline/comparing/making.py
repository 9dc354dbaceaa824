"""Makes the models that are compared, by the stages in a row."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

from models.backbones import build_backbone
from pipeline import manifest
from pipeline.comparing import markers
from pipeline.comparing.markers import IMAGENET, RANDOM
from pipeline.comparing.methods import UNDER_HEAD, Hog, Method, Network, Words
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
        """Makes a method's model, unless that is done.

        Returns:
            The model's folder.

        Raises:
            FileNotFoundError: If something that it needs is missing.
            ValueError: As the stages do.
        """
        folder = self.model(method)
        if not markers.is_finished(folder):  # stages would refuse the same records elsewhere
            self._make(method, folder)
        return folder

    def describe(self, model: Path) -> None:
        """Describes what is searched, unless that is done.

        Raises:
            FileNotFoundError: If something that it needs is missing.
            ValueError: As ``embed`` does.
        """
        for records in self.searched:
            embed(EmbedSettings(model=model, records=records))

    def _make(self, method: Method, folder: Path) -> None:
        if isinstance(method, Hog):
            export(ExportSettings(model=folder, classical="hog"))
        elif isinstance(method, Network):
            self._make_network(method, folder)
        else:
            self._make_words(method, folder)

    def starts(self, method: Method) -> str:
        """Where the network of a method started, "" where there is none."""
        network = _network(method)
        if network is None:
            return "DELF" if isinstance(method, Words) and method.extractor == "delf" else ""
        start = self._start(network)
        return {RANDOM: "random", IMAGENET: "ImageNet"}.get(start, Path(start).name)

    def image_size_of(self, method: Method) -> int | None:
        """Side of what the network of a method sees, pixels; None for what is no network.

        DELF sees every photograph at several sizes, and has none either.
        """
        network = _network(method)
        return None if network is None else self._image_size(self._start(network))

    def decided_by(self, method: Method) -> dict[str, Any]:
        """All that decides what a method's model gives, by content.

        Raises:
            FileNotFoundError: If records or a file of weights are missing.
        """
        network = _network(method)
        return self._decided(method, None if network is None else self._start(network))

    def _decided(self, method: Method, start: str | None) -> dict[str, Any]:
        decided: dict[str, Any] = {"method": dataclasses.asdict(method)}
        decided["searched"] = [markers.of_records(one) for one in self.searched]
        if not isinstance(method, Hog):
            decided["training"] = markers.of_records(self.training)
        if isinstance(method, Words):
            decided["features"] = _FEATURES[method.extractor]
            if method.extractor == "delf":
                decided["delf"] = markers.of_delf(self.delf)
        if start is not None:
            decided["start"] = markers.of_weights(start)
            decided["image_size"] = self._image_size(start)
            decided["epochs"], decided["steps"] = self.epochs, self.steps
        return decided

    def model(self, method: Method) -> Path:
        """The folder of a method's model, without one that was made of something else.

        Raises:
            ValueError: If something else lies there.
        """
        return self._claimed(self.folder / method.name, self.decided_by(method))

    def has(self, method: Method) -> bool:
        """Whether a method's model is there, of what it would be made of now.

        Nothing is downloaded: where ImageNet's weights are asked for, one that started at random
        in their place is as good.

        Raises:
            FileNotFoundError: If records or a file of weights are missing.
        """
        network = _network(method)
        if network is None:
            return self._is_made(method, None)
        wanted = self.weights[network.backbone]
        starts = (IMAGENET, RANDOM) if wanted == IMAGENET else (wanted,)
        return any(self._is_made(method, start) for start in starts)

    def _is_made(self, method: Method, start: str | None) -> bool:
        folder = self.folder / method.name
        return markers.is_finished(folder) and markers.is_of(folder, self._decided(method, start))

    def _claimed(self, folder: Path, decided: dict[str, Any]) -> Path:
        if markers.is_of(folder, decided):
            return folder
        path = folder / markers.FILE
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
        return self.random_image_size if start == RANDOM else self.image_size

    def _start(self, network: Network) -> str:
        """Where a network starts; a finished one of ImageNet stays, offline too."""
        wanted = self.weights[network.backbone]
        if wanted == IMAGENET and self._is_made(network, IMAGENET):
            return wanted
        return start_of(network.backbone, wanted)

    def _make_network(self, method: Network, folder: Path) -> None:
        train(self._training(method, folder))
        export(ExportSettings(model=folder, variant="plain"))

    def _training(self, method: Network, folder: Path) -> TrainSettings:
        start = self._start(method)
        is_random = start == RANDOM
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
                image_size=self._image_size(self._start(UNDER_HEAD)),
                epochs=self.epochs,
                steps_per_epoch=self.steps,
            )
        )
        export(ExportSettings(model=folder, variant="plain"))


@functools.cache
def start_of(backbone: str, weights: str) -> str:
    """Where a backbone starts: at random where ImageNet's weights cannot be had, which is said."""
    if weights != IMAGENET:
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
        return RANDOM
    return weights


def _network(method: Method) -> Network | None:
    """What starts with the weights of a backbone; None where nothing does."""
    if isinstance(method, Words) and method.extractor == "head":
        return UNDER_HEAD
    return method if isinstance(method, Network) else None


def data_of(making: Making) -> tuple[str, ...]:
    """What the stages call the data sets that are searched."""
    return tuple(folder.resolve().name for folder in making.searched)
