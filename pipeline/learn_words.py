"""Learns visual words over local features, and makes a model that describes photographs by them.

    python -m pipeline.export --classical=sift --model=exported/sift
    python -m pipeline.extract --model=exported/sift --records=tfrecords/NAME --most=2000
    python -m pipeline.learn_words --extractor=exported/sift --data=NAME --model=exported/words

The extractor is any model with local features: SIFT, an imported DELF or DELG, a model with a local
head. The model holds a copy of it, and is embedded, indexed and searched like any other.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import command_line, manifest, model_folder
from pipeline.command_line import setting
from pipeline.exporting import model_card
from pipeline.local_features.extractor import open_extractor
from pipeline.local_features.store import LocalFeatureStore, store_folder
from pipeline.progress import logger
from pipeline.words import folder as words_folder
from pipeline.words.aggregation import Aggregation, Weighting
from pipeline.words.learning import learn_words, photographs_to_project

# On 11 landmarks of India, 20,000 words that 12 others taught: asmk has an mAP of .475 with one
# word a feature, .496 with two; tfidf .400 with one, .395 shared between three.
_NEAREST: dict[str, int] = {"tfidf": 1, "asmk": 2, "vlad": 1}
_MOST_NEAREST = 16  # large vocabularies are looked into in part, and may hold no more there
_WORDS: dict[str, int] = {"tfidf": 20_000, "asmk": 20_000, "vlad": 64}
_LONGEST = 65_536  # numbers of a vlad before it is projected; a photograph has 256 KB of them


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which features, and what is made of them."""

    extractor: Path = setting("Folder of a model with local features, such as exported/sift.")
    data: tuple[str, ...] = setting(
        "Data sets whose features pipeline.extract has found with it, comma-separated: names in "
        "the extractor's local_features."
    )
    model: Path = setting("Folder of the model to make, such as exported/words.")
    split: str | None = setting(
        "Learn from this split of the records only, such as train; by default from all.",
        default=None,
    )
    words: int | None = setting(
        "How many words; by default 64 with --aggregation=vlad, where 16 to 256 suit, else 20,000.",
        default=None,
    )
    aggregation: Aggregation = setting(
        "How photographs are described. tfidf: by counts of words, rare ones weighing more; asmk: "
        "by a binary code of each word's features, which finds more; both are sparse and indexed "
        "by --kind=inverted. vlad: by sums of what words leave of features, dense.",
        default="asmk",
    )
    nearest: int | None = setting(
        "To how many words a feature belongs; with tfidf, shares of it by their distance. By "
        "default to 2 with asmk, which finds more and takes twice the memory and time, else to 1.",
        default=None,
    )
    sigma: float = setting(
        "How far a feature reaches that is shared between words, in the unit of descriptors.",
        default=0.3,
    )
    burstiness: float = setting(
        "Exponent of a word's count with tfidf: 1 for counts as they are, .5 so that the tenth "
        "window of a facade counts for less than the first, 0 for whether a word is there.",
        default=0.5,
    )
    dimension: int | None = setting(
        "To how many numbers vlad is projected and whitened; by default to none fewer.",
        default=None,
    )
    rounds: int = setting("Of k-means.", default=10)
    overwrite: bool = setting("Learn again over a finished model.", default=False)

    def __post_init__(self) -> None:
        """Checks ranges and what has no effect."""
        command_line.require_at_least(self, words=1, nearest=1, burstiness=0, dimension=1, rounds=1)
        if not self.sigma > 0:
            raise ValueError(f"--sigma is above 0. Received: {self.sigma}.")
        if not all(self.data) or not self.data:
            raise ValueError(
                f"--data names data sets of the extractor. Received: {','.join(self.data)!r}."
            )
        if self.weighting.nearest > min(self.word_count, _MOST_NEAREST):
            raise ValueError(
                f"--nearest is at most --words, and at most {_MOST_NEAREST}. Received: "
                f"{self.weighting.nearest}, of {self.word_count:,} words."
            )
        beside = f"--aggregation={self.aggregation}"
        if self.aggregation != "tfidf":
            command_line.require_default(self, beside, "sigma", "burstiness")
        if self.aggregation == "vlad":
            command_line.require_default(self, beside, "nearest")
        else:
            command_line.require_default(self, beside, "dimension")

    @property
    def word_count(self) -> int:
        """How many words, by default as many as suit the aggregation."""
        return _WORDS[self.aggregation] if self.words is None else self.words

    @property
    def weighting(self) -> Weighting:
        """How features become a description."""
        return Weighting(
            aggregation=self.aggregation,
            nearest=_NEAREST[self.aggregation] if self.nearest is None else self.nearest,
            sigma=self.sigma,
            burstiness=self.burstiness,
        )


def learn(settings: Settings) -> Path:
    """Learns words and writes the model, unless it is there.

    Returns:
        The model's folder.

    Raises:
        FileNotFoundError: If the extractor, or its features of a data set, are missing.
        ValueError: If the model is there with other settings, is another's, the features were found
            by another extractor, or are too few.
    """
    folder = settings.model
    store = LocalFeatureStore([store_folder(settings.extractor, one) for one in settings.data])
    extractor = open_extractor(settings.extractor, store.most)
    if extractor.fingerprint != store.fingerprint:
        raise ValueError(
            f"The features of {', '.join(settings.data)} were found by the extractor "
            f"{store.fingerprint[:12]}; {settings.extractor} is {extractor.fingerprint[:12]} now. "
            f"Find them anew with `python -m pipeline.extract --model={settings.extractor} "
            f"--records=tfrecords/{Path(settings.data[0]).name} --most={store.most} --overwrite`."
        )
    words_folder.require_own(folder)
    told = {
        "settings": manifest.settings_as_json(_in_its_place(settings)),
        "learned_from": {"extractor": extractor.fingerprint, "shards": store.shards},
    }
    if _is_current(settings, told["learned_from"]):
        logger.info("%s is finished; --overwrite learns it again.", folder)
        return folder
    rows = _rows(settings, store)
    _require_fitting_vlad(settings, store, rows)
    learned = learn_words(
        store,
        rows,
        settings.word_count,
        settings.weighting,
        dimension=settings.dimension,
        rounds=settings.rounds,
    )
    words_folder.write(
        folder,
        learned,
        settings.weighting,
        settings.extractor,
        store.most,
        np.array(store.metadata["content"].take(rows).to_pylist(), bytes),
        told,
    )
    model_card.write_card(folder)
    return folder


def _rows(settings: Settings, store: LocalFeatureStore) -> np.ndarray:
    """The photographs to learn from.

    Raises:
        ValueError: If none is of the split.
    """
    if settings.split is None:
        return np.arange(len(store))
    part = f"-{settings.split}."
    files = [Path(shard).name for shard in store.metadata["shard"].to_pylist()]
    rows = np.flatnonzero([part in name for name in files])
    if not len(rows):
        raise ValueError(
            f"--split={settings.split}: no photograph of {', '.join(settings.data)} is of that "
            f"split; their files are such as {files[0] if files else 'none'}."
        )
    return rows


def _require_fitting_vlad(settings: Settings, store: LocalFeatureStore, rows: np.ndarray) -> None:
    """Checks, before hours of clustering, that ``vlad`` is not too long, nor too short to project.

    Raises:
        ValueError: If it is, or photographs are too few to learn the projection from.
    """
    if settings.aggregation != "vlad":
        return
    length = settings.word_count * store.dimension
    if length > _LONGEST:
        raise ValueError(
            f"--aggregation=vlad has {length:,} numbers of {settings.word_count:,} words, as local "
            f"features have {store.dimension} each; it may have {_LONGEST:,}. Pass "
            f"--words={_LONGEST // store.dimension} or less; 16 to 256 suit."
        )
    if settings.dimension is None:
        return
    photographs = photographs_to_project(store, rows)
    most = max(0, min(photographs - 1, length))
    if settings.dimension > most:
        raise ValueError(
            f"{photographs:,} photographs with local features and {settings.word_count:,} words "
            f"give a projection to {most:,} numbers at most; pass --dimension={most} or less, "
            f"leave it out, or find features of more photographs. Received: {settings.dimension:,}."
        )


def _is_current(settings: Settings, learned_from: dict[str, Any]) -> bool:
    """Whether the model is there and was learned from the same features.

    Raises:
        ValueError: If it was learned with other settings, or from other features.
    """
    path = settings.model / model_folder.MODEL_FILE
    if not manifest.made_with(path, _in_its_place(settings)):
        return False
    described = model_folder.read_model_file(settings.model)
    try:
        if described["fingerprint"] != model_folder.fingerprint(settings.model):
            return False
    except FileNotFoundError:  # its parts are gone: this is what mends it
        return False
    if described["learned_from"] != learned_from:
        raise ValueError(
            f"{settings.model} was learned from other features than those that are there now; "
            "name another --model, or pass --overwrite to learn it anew."
        )
    return True


def _in_its_place(settings: Settings) -> Settings:
    """The settings as they are once defaults are known, without where models lie."""
    words = settings.word_count
    return dataclasses.replace(settings, model=Path(), extractor=Path(), words=words)


def main(settings: Settings) -> None:
    """Learns and prints what was made."""
    folder = learn(settings)
    described = model_folder.read_model_file(folder)
    print(
        f"{folder}: {described['words']:,} words of {described['features']:,} features of "
        f"{described['photographs']:,} photographs, {described['aggregation']}, descriptions of "
        f"{described['dimension']:,}, fingerprint {described['fingerprint'][:12]}"
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
