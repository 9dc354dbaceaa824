"""How many photographs a second each graph of a network describes, beside the plain one.

    python -m benchmarks.serving_variants [--backbones=resnet50,vgg16] [--rounds=5]
    python -m benchmarks.serving_variants --backbones=mobilenet_v2 --weights=FILE

Exports every variant (``models.variants``), reads the SavedModels back and has them describe one
batch of rendered buildings by their signature ``pixels``, in turns within one process. Prints, for
each, the median rate, the median of the ratios of neighbours in time to plain, the least cosine
with plain's vectors, and the size of the SavedModel. Weights drawn at random do for speed, not for
cosines.
"""

import pipeline  # noqa: F401, I001  # first, so that TensorFlow starts quietly

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks.drawn_biases import draw_biases
from models.serving import ServingModel
from models.siamese import embedding_network
from models.variants import VARIANTS, VariantName, build_variant
from pipeline.exporting.agreement import least_cosine
from pipeline.data.synthetic_city import CitySettings, render_photograph

_BACKBONES = "resnet50,mobilenet_v2,vgg16,efficientnet_v2_b0,convnext_tiny"

Describe = Callable[[], np.ndarray]


def main() -> None:
    """Measures one backbone after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbones", default=_BACKBONES)
    parser.add_argument("--weights", default="none")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--photographs", type=int, default=16, help="in a batch")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    images = _buildings(arguments.photographs, arguments.size)
    print("backbone            variant          photographs/s  x plain    cosine  MB")
    for backbone in arguments.backbones.split(","):
        keras.utils.set_random_seed(0)
        network = embedding_network(backbone, arguments.weights, dimension=None)
        if arguments.weights == "none":
            draw_biases(network)
        _compare(backbone, network, images, arguments.rounds)


def _buildings(count: int, size: int) -> tf.Tensor:
    city = CitySettings(landmarks=count, photographs_per_landmark=1, size=size)
    return tf.constant(np.stack([render_photograph(city, n, 0) for n in range(count)]))


def _compare(backbone: str, network: keras.Model, images: tf.Tensor, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in VARIANTS}
        for name, path in paths.items():
            ServingModel(build_variant(network, name), images.shape[1]).save(path)
        megabytes = {name: _bytes(path) / 1e6 for name, path in paths.items()}
        describe = {name: _signature(path, images) for name, path in paths.items()}
    vectors = {name: one() for name, one in describe.items()}
    seconds = _in_turns(describe, rounds)
    for name, found in seconds.items():
        print(
            f"{backbone:19} {name:16} {len(images) / np.median(found):13.1f} "
            f"{np.median(seconds['plain'] / found):8.2f} "
            f"{least_cosine(vectors[name], vectors['plain']):9.6f} {megabytes[name]:3.0f}",
            flush=True,
        )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _signature(saved_model: Path, images: tf.Tensor) -> Describe:
    module = tf.saved_model.load(str(saved_model))

    def describe() -> np.ndarray:
        return module.signatures["pixels"](images)["global_descriptor"].numpy()

    return describe


def _in_turns(describe: dict[VariantName, Describe], rounds: int) -> dict[VariantName, np.ndarray]:
    """Seconds of every variant, one batch of each a round."""
    seconds: dict[VariantName, list[float]] = {name: [] for name in describe}
    for _ in range(rounds):
        for name, one in describe.items():
            start = time.perf_counter()
            one()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(found) for name, found in seconds.items()}


if __name__ == "__main__":
    main()
