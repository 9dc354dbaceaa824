"""What a training step costs beside the network alone, and beside a model of three towers.

    python -m benchmarks.train_step [--backbone=resnet50] [--size=224] [--photographs=12]
    python -m benchmarks.train_step --growth

The first compares, in turns within one process, on photographs that are in memory: the bare
network's forward and backward pass; the whole step of ``pipeline.training.step`` (triplet loss,
joint batch, clipping, AdamW, all that the log reads); and a model of three inputs that runs the
backbone three times, for anchors, positives and negatives, with the same loss and optimizer. The
second shows how photographs a second and memory grow with batch and size, a process each.
"""

import pipeline  # noqa: F401, I001  # first, so that TensorFlow starts quietly

import argparse
import functools
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from models.backbones import BACKBONES, BackboneName
from models.backbones.stages import stages_of
from models.losses.triplet import given_triplet_loss
from models.siamese import embedding_network
from pipeline.training.optimizers import OptimizerSettings, build_optimizer
from pipeline.training.replicas import Replicas
from pipeline.training.step import TrainStep

_DIMENSION = 512
_MARGIN = 0.1
_GROWTH = [(12, 160), (12, 224), (12, 320), (24, 224), (48, 224)]

Step = Callable[[], object]


def main() -> None:
    """Measures and prints ratios, or the growth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="resnet50", choices=BACKBONES)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--photographs", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--alone", action="store_true", help="measure our step alone, in one line")
    arguments = parser.parse_args()
    if arguments.growth:
        _print_growth(arguments.backbone)
        return
    images = _photographs(arguments.photographs, arguments.size)
    steps: dict[str, Step] = {"training step": _training_step(arguments.backbone, images)}
    if not arguments.alone:
        steps["bare network"] = _bare_network(arguments.backbone, images)
        steps["three towers"] = _three_towers(arguments.backbone, images)
    seconds = _in_turns(steps, arguments.rounds)
    ours = np.median(seconds["training step"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if arguments.alone:
        print(f"{len(images) / ours:.2f} photographs a second of processor, {peak:.2f} GiB at most")
        return
    for name, found in seconds.items():
        ratios = np.array(seconds["training step"]) / np.array(found)
        print(
            f"{name}: {np.median(found):.2f} s of processor; the training step takes "
            f"{np.median(ratios):.3f} times as long ({ratios.min():.3f} to {ratios.max():.3f})"
        )


def _photographs(count: int, size: int) -> tf.Tensor:
    generator = np.random.default_rng(0)
    return tf.constant(generator.integers(0, 256, (count, size, size, 3), np.uint8))


def _network(backbone: BackboneName) -> keras.Model:
    keras.utils.set_random_seed(0)
    return embedding_network(backbone, "none", dimension=_DIMENSION, batch_statistics="frozen")


def _training_step(backbone: BackboneName, images: tf.Tensor) -> Step:
    network = _network(backbone)
    optimizer = build_optimizer(
        OptimizerSettings(), 1000, network.trainable_variables, stages_of(network)
    )
    step = TrainStep(
        network,
        optimizer,
        functools.partial(given_triplet_loss, margin=_MARGIN),
        Replicas.one(),
        photographs=3,
        clip_norm=1.0,
    )
    labels = tf.tile(tf.range(len(images) // 3, dtype=tf.int64), [3])

    def learn() -> np.ndarray:
        return step(images, labels).embeddings.numpy()

    return learn


def _bare_network(backbone: BackboneName, images: tf.Tensor) -> Step:
    network = _network(backbone)

    @tf.function
    def passes() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(network(images, training=True))
        gradients = tape.gradient(total, network.trainable_variables)
        return [tf.reduce_sum(gradient) for gradient in gradients]

    return lambda: float(passes()[0])


def _three_towers(backbone: BackboneName, images: tf.Tensor) -> Step:
    tower = _network(backbone)
    inputs = [keras.Input((*images.shape[1:3], 3), dtype="uint8") for _ in range(3)]
    network = keras.Model(inputs, [tower(one) for one in inputs])
    optimizer = keras.optimizers.AdamW(1e-5, weight_decay=1e-4, global_clipnorm=1.0)
    optimizer.build(network.trainable_variables)
    parts = tf.split(images, 3)

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            embeddings = tf.concat(network(parts, training=True), axis=0)
            loss, _ = given_triplet_loss(embeddings, tf.zeros([0], tf.int64), _MARGIN)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
        return loss

    return lambda: float(step())


def _in_turns(steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Processor seconds of every step, one of each a round, after one that compiles it."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.process_time()
            step()
            seconds[name].append(time.process_time() - start)
    return seconds


def _print_growth(backbone: BackboneName) -> None:
    for photographs, size in _GROWTH:
        found = subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.train_step", "--alone", "--rounds=3"),
                *(f"--backbone={backbone}", f"--photographs={photographs}", f"--size={size}"),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        print(f"{photographs} photographs of {size} pixels: {found.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
