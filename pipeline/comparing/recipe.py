"""What the models that are compared are made of, and where they lie."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

from models.backbones import build_backbone
from pipeline import manifest
from pipeline.comparing import cells, markers
from pipeline.comparing.markers import IMAGENET, RANDOM
from pipeline.comparing.methods import UNDER_HEAD, Hog, Method, Network, Words
from pipeline.data.record_table import open_records
from pipeline.progress import logger

SPLIT = "train"  # that is learned from
FEATURES = {"sift": 2000, "head": 400, "delf": 1000}  # of a photograph at most
LEARNED_FROM = (
    1000  # photographs at most that words are learned from, as 2 million features of SIFT
)
_PROJECTED = 512  # numbers, to which VLAD's 8,192 are projected: these find no more
_ENOUGH_TO_PROJECT = 768  # photographs, some of which may have no features


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
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

    def start_name(self, method: Method) -> str:
        """Where the network of a method started, "" where there is none."""
        network = _network(method)
        if network is None:
            return "DELF" if isinstance(method, Words) and method.extractor == "delf" else ""
        start = self.start(network)
        return {RANDOM: "random", IMAGENET: "ImageNet"}.get(start, Path(start).name)

    def image_size_of(self, method: Method) -> int | None:
        """Side of what the network of a method sees, pixels; None for what is no network.

        DELF sees every photograph at several sizes, and has none either.
        """
        network = _network(method)
        return None if network is None else self.size_seen(self.start(network))

    def decided_by(self, method: Method) -> dict[str, Any]:
        """All that decides what a method's model gives, by content.

        Raises:
            FileNotFoundError: If records or a file of weights are missing.
        """
        network = _network(method)
        return self._decided(method, None if network is None else self.start(network))

    def _decided(self, method: Method, start: str | None) -> dict[str, Any]:
        decided: dict[str, Any] = {"method": dataclasses.asdict(method)}
        if not isinstance(method, Hog):
            decided["training"] = markers.of_records(self.training)
        if isinstance(method, Words):
            decided["features"] = FEATURES[method.extractor]
            decided["learned_from"] = LEARNED_FROM
            decided["projected"] = self.projected(method)
            if method.extractor == "delf":
                decided["delf"] = markers.of_delf(self.delf)
        if start is not None:
            decided["start"] = markers.of_weights(start)
            decided["image_size"] = self.size_seen(start)
            decided["epochs"], decided["steps"] = self.epochs, self.steps
        return decided

    def model(self, method: Method) -> Path:
        """The folder of a method's model, without one that was made of something else.

        Nor has it indexes and rows of other records than are searched.

        Raises:
            ValueError: If something else lies there.
        """
        folder = self._claimed(self.folder / method.name, self.decided_by(method))
        if not markers.has_searched(folder, self.searched):
            cells.forget_all(folder)
            markers.write_searched(folder, self.searched)
        return folder

    def projected(self, method: Words) -> int | None:
        """To how many numbers what is made of words is projected; None for as they are."""
        if method.aggregation != "vlad":
            return None
        count = len(open_records(self.training, SPLIT))
        return _PROJECTED if count >= _ENOUGH_TO_PROJECT else None

    def features(self, method: Words) -> Path:
        """The folder of what finds the features of words, without one of something else.

        Raises:
            ValueError: If something else lies there.
        """
        decided = self.decided_by(method)
        for of_words in ("method", "projected"):
            del decided[of_words]
        return self._claimed(self.folder / f"{method.extractor}-features", decided)

    @property
    def data(self) -> tuple[str, ...]:
        """What the stages call the data sets that are searched."""
        return tuple(folder.resolve().name for folder in self.searched)

    def has(self, method: Method) -> bool:
        """Whether a method's model is there, made and tried on what it would be now.

        Nothing is downloaded: where ImageNet's weights are asked for, one that started at random
        in their place is as good.

        Raises:
            FileNotFoundError: If records or a file of weights are missing.
        """
        if not markers.has_searched(self.folder / method.name, self.searched):
            return False
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

    def size_seen(self, start: str) -> int:
        """Side of what a network sees that starts so, pixels."""
        return self.random_image_size if start == RANDOM else self.image_size

    def start(self, network: Network) -> str:
        """Where a network starts; a finished one of ImageNet stays, offline too."""
        wanted = self.weights[network.backbone]
        if wanted == IMAGENET and self._is_made(network, IMAGENET):
            return wanted
        return start_of(network.backbone, wanted)


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
