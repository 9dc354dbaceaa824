r"""Exports a trained network as a SavedModel that needs none of this code.

    python -m pipeline.export --model=exported/MODEL
    python -m pipeline.export --model=exported/MODEL --scales=0.7071,1,1.4142 \
        --whitening=supervised --whitening_records=tfrecords/NAME
    python -m pipeline.export --model=exported/MODEL --serve_in=DIR
    python -m pipeline.export --delf=HANDLE_OR_DIR --model=exported/delf
    python -m pipeline.export --classical=hog --model=exported/hog
    python -m pipeline.export --classical=sift --model=exported/sift
    python -m pipeline.export --model=exported/MODEL --variant=frozen

The SavedModel decodes, turns upright, resizes, describes at every scale, averages and whitens. Its
signatures:

    serving_default  image_bytes  string [batch], JPEG, PNG, BMP, GIF, WebP of any size
    pixels           images       uint8 [batch, height, width, 3], RGB
    kaggle           input_image  uint8 [height, width, 3], RGB
    region           image_bytes  string [batch], as above, and
                     box          float32 [batch, 4], left, top, right, bottom, 0 to 1

Each gives ``global_descriptor``, float32 of unit length.

The graph is the one that describes the most photographs a second on this machine, of those that
describe alike; ``model.json`` tells what was measured. Another run, or machine, may choose
another, so name it with ``--variant`` where the bytes have to be the same.

A model with a local head (``pipeline.train_local``) has the signature ``default`` of TF-Hub's DELF
too.

With ``--delf``, a published DELF or DELG becomes such a model: local features have the signature
``default`` of TF-Hub's DELF, a DELG's global descriptor has the first three above.

With ``--classical``, HOG or SIFT become models: HOG describes photographs as a whole, SIFT finds
local features, which ``pipeline.learn_words`` makes descriptions of. They have no SavedModel.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any, Literal

import keras
import tensorflow as tf

from models.local.head import global_network, has_local_head
from models.serving import ServingModel
from models.siamese import load_network
from models.variants import VariantName, build_variant, is_exact
from pipeline import command_line, manifest, model_folder
from pipeline.command_line import setting
from pipeline.data.licenses import count_licenses
from pipeline.exporting import learned_whitening, model_card
from pipeline.exporting.classical_export import Classical, export_classical, sift_settings
from pipeline.exporting.delf_import import import_delf
from pipeline.exporting.description_settings import DescriptionSettings, numbers
from pipeline.exporting.learned_whitening import LearnedWhitening, learn_whitening
from pipeline.exporting.local_part import SCALES, local_part, require_same_features
from pipeline.exporting.local_part import described as local_described
from pipeline.exporting.serving_folder import publish
from pipeline.exporting.variant_choice import Build, VariantChoice, choose_variant
from pipeline.exporting.verification import require_same_descriptions
from pipeline.progress import logger


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(DescriptionSettings):
    """Which model, and what is done to its descriptions."""

    model: Path = setting("Folder of a trained model, exported/MODEL; with --delf, a new one.")
    delf: str | None = setting(
        "Import a published model instead of exporting a trained one: TensorFlow Hub's DELF, "
        "https://tfhub.dev/google/delf/1, or the folder of any DELF or DELG.",
        default=None,
    )
    classical: Classical | None = setting(
        "Make a model that needs no training: hog, histograms of oriented gradients, or sift, "
        "local features for pipeline.learn_words and pipeline.extract.",
        default=None,
    )
    upright: bool = setting(
        "With --classical=sift: take the vertical for that of the photograph, as it is of "
        "buildings; else each feature has a direction of its own, and photographs may be turned.",
        default=True,
    )
    variant: Literal["auto", VariantName] = setting(
        "Graph that computes the network: as it was trained (plain), with constants for weights "
        "and batch normalisation folded into convolutions (frozen), or that in 16 bits (bfloat16), "
        "or in 16 bits after the third stage (mixed); "
        "auto measures which of those that describe alike is fastest here.",
        default="auto",
    )
    local_scales: tuple[str, ...] = setting(
        "Scales at which local features are found, where the model has a local head: multiples of "
        "the photograph's own size.",
        default=SCALES,
    )
    serve_in: Path | None = setting(
        "Base path of TensorFlow Serving; there the export is published as the next version, "
        "DIR/1, DIR/2, ..., where it is not the latest already.",
        default=None,
    )
    overwrite: bool = setting("Export again over a finished export.", default=False)

    def __post_init__(self) -> None:
        """Checks ranges and what cannot go together."""
        super().__post_init__()
        if self.classical != "sift":
            command_line.require_default(self, "other models than --classical=sift", "upright")
        names = [field.name for field in dataclasses.fields(DescriptionSettings)]
        names += ["variant", "local_scales"]
        if self.delf is not None:
            command_line.require_default(self, "--delf", *names, "classical")
        if self.classical is not None:
            command_line.require_default(self, "--classical", *names, "serve_in")
        scales = self.local_scale_values
        if not scales or not all(0 < scale < math.inf for scale in scales):
            raise ValueError(
                "--local_scales are numbers above 0, such as 0.7071,1,1.4142. Received: "
                f"{self.local_scales}."
            )

    @property
    def local_scale_values(self) -> tuple[float, ...]:
        """The scales of local features as numbers, ascending."""
        return numbers(self.local_scales)


def export(settings: Settings) -> Path:
    """Writes ``saved_model/``, ``model.json`` and the model card beside a model's training.

    Returns:
        The model's folder.

    Raises:
        FileNotFoundError: If the model has not been trained, or the records that whitening is to
            be learned from, or what is to be imported, are missing.
        ValueError: If the model is exported with other settings, two scales are one, the records
            are too few or too damaged, the SavedModel, read back, gives other vectors than the
            network, what is to be imported cannot be (see ``import_delf``), or it is to be
            published and tensorflow-serving-api is not installed.
    """
    _make(settings)
    model_card.write_card(settings.model)
    if settings.serve_in is not None:
        publish(settings.model, settings.serve_in)
    return settings.model


def _make(settings: Settings) -> None:
    """Writes the SavedModel and what it tells of itself, where they are not made already."""
    folder = settings.model
    if settings.delf is not None:
        import_delf(settings.delf, folder, overwrite=settings.overwrite)
        return
    if settings.classical is not None:
        told = sift_settings(upright=settings.upright) if settings.classical == "sift" else {}
        export_classical(settings.classical, folder, told, overwrite=settings.overwrite)
        return
    training = manifest.read_json(
        folder / model_folder.TRAINING / model_folder.TRAINING_FILE,
        f"python -m pipeline.train --output={folder}",
    )
    if _is_current(settings, training):
        logger.info("%s is exported; --overwrite exports it again.", folder)
        _warn_of_other_records(settings)
        return
    network = load_network(folder / model_folder.TRAINING / model_folder.NETWORK)
    local = None
    if has_local_head(network):
        local = local_part(network, training["settings"]["stage"])
        network = global_network(network)
    elif settings.local_scales != SCALES:
        raise ValueError(f"--local_scales has no effect: {folder} has no local head.")
    size = _image_size(training)
    learned = _learn_whitening(settings, ServingModel(network, size, settings.views))
    whitening = None if learned is None else learned.whitening

    def build(name: VariantName) -> ServingModel:
        variant = build_variant(network, name)
        return ServingModel(variant, size, settings.views, whitening, local)

    variant = _choose(settings, build, training)

    def save(part: Path) -> None:
        build(variant.name).save(part)
        if learned is not None:
            learned.save_contents(part / model_folder.WHITENING_CONTENTS)
        require_same_descriptions(
            part, network, size, settings.views, whitening, is_exact=is_exact(variant.name)
        )
        if local is not None:
            require_same_features(part, local, settings.local_scale_values)

    manifest.write_atomically(folder / model_folder.SAVED_MODEL, save)
    described = _describe(settings, build("plain"), network, training, learned)
    manifest.write_json(folder / model_folder.MODEL_FILE, described | variant.described())


def _image_size(training: dict[str, Any]) -> int:
    """Side of what the global descriptor was learned from, at which it describes photographs."""
    settings = training["settings"]
    if "beneath" in training and not settings["jointly"]:
        settings = training["beneath"]["settings"]
    return int(settings["image_size"])


def _is_current(settings: Settings, training: dict[str, Any]) -> bool:
    """Whether what is exported is the network that was trained last.

    Raises:
        ValueError: If it was exported with other settings.
    """
    folder = settings.model
    try:
        described = model_folder.read_model_file(folder)
        fingerprint = model_folder.fingerprint(folder)
    except (FileNotFoundError, ValueError):  # it is damaged: this is what mends it
        return False
    # A half-replaced export, or one of an earlier version, is made again whatever the settings.
    if described["fingerprint"] != fingerprint or "settings" not in described:
        return False
    path = folder / model_folder.MODEL_FILE
    return manifest.made_with(path, _in_its_place(settings)) and described["training"] == training


def _in_its_place(settings: Settings) -> Settings:
    """The settings without where the model lies, which may change, and scales in one spelling."""
    scales, local = (
        tuple(map(str, values)) for values in (settings.scale_values, settings.local_scale_values)
    )
    return dataclasses.replace(settings, model=Path(), scales=scales, local_scales=local)


def _warn_of_other_records(settings: Settings) -> None:
    folder = settings.whitening_records
    if folder is None:
        return
    learned_from = model_folder.read_model_file(settings.model)["whitening"]
    if learned_whitening.has_changed(learned_from, folder, settings.whitening_split):
        logger.warning(
            "%s has changed since; the whitening knows the old records only, --overwrite learns it "
            "anew.",
            folder,
        )


def _choose(settings: Settings, build: Build, training: dict[str, Any]) -> VariantChoice:
    if settings.variant == "auto":
        return choose_variant(build, training)
    return VariantChoice(name=settings.variant)


def _learn_whitening(settings: Settings, plain: ServingModel) -> LearnedWhitening | None:
    """Learns from the plain graph, so that what is learned is the same on every machine.

    And it is there when variants are compared, which whitening may drive apart.
    """
    if settings.whitening == "none" or settings.whitening_records is None:
        return None
    return learn_whitening(
        plain,
        settings.whitening,
        settings.whitening_records,
        settings.whitening_split,
        dimension=settings.whitening_dimension,
        strength=settings.whitening_strength,
        max_damaged=settings.max_damaged,
    )


def _describe(
    settings: Settings,
    model: ServingModel,
    network: keras.Model,
    training: dict[str, Any],
    learned: LearnedWhitening | None,
) -> dict[str, Any]:
    scales = settings.local_scale_values
    return {
        **({} if model.local is None else local_described(model.local, scales)),
        "kind": "deep",
        "has_regions": True,
        "dimension": model.dimension,
        "input_size": _image_size(training),
        "scales": settings.scale_values,
        "keep_aspect": settings.keep_aspect,
        "flip": settings.flip,
        "aggregation": {"kind": settings.aggregation, "power": settings.views.power},
        "whitening": None if learned is None else learned.learned_from,
        "parameters": network.count_params(),
        "settings": manifest.settings_as_json(_in_its_place(settings)),
        "licenses": _count_licenses(settings, training, learned),
        "training": training,
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "fingerprint": model_folder.fingerprint(settings.model),
    }


def _count_licenses(
    settings: Settings, training: dict[str, Any], learned: LearnedWhitening | None
) -> dict[str, Any]:
    """What the photographs that network and whitening learned from state, where it is known."""
    counts = {}
    parts = {"training": training.get("beneath", training)}
    if "beneath" in training:
        parts["local head"] = training
    for name, part in parts.items():
        used = part["settings"]
        if used["records"] is not None:
            folder, files = Path(used["records"]), part["data"]["files"]
            counts[name] = count_licenses(folder, used["split"], files)
    if learned is not None and settings.whitening_records is not None:
        folder, files = settings.whitening_records, learned.learned_from["files"]
        counts["whitening"] = count_licenses(folder, settings.whitening_split, files)
    return counts


def main(settings: Settings) -> None:
    """Exports and prints what was made."""
    folder = export(settings)
    described = model_folder.read_model_file(folder)
    what = described["kind"].upper()
    if settings.delf is None and settings.classical is None:
        what = f"{described['parameters']:,} parameters, graph {described['variant']['name']}"
    print(
        f"{folder}: {what}, vectors of {described['dimension']}, fingerprint "
        f"{described['fingerprint'][:12]}"
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
