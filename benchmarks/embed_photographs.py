"""How fast the embedding job is beside the model alone, and beside a loop of single photographs.

    python -m benchmarks.embed_photographs [--backbone=mobilenet_v2] [--photographs=1024]

Writes JPEG records and a model of its own, with random weights, then measures in one run, in turn:
the model's forward pass over batches that are in memory; the job, from record files to files of
vectors, without its start; and what others do, ``Model.predict`` of one photograph after the other,
loaded by Keras. Then what passes until the first photograph is described, and how memory grows
over a long run.
"""

import pipeline  # noqa: F401, I001  # first, so that TensorFlow starts quietly

import argparse
import hashlib
import io
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import cv2
import keras
import numpy as np
import tensorflow as tf

from benchmarks.drawn_biases import draw_biases
from models.backbones import BACKBONES, BackboneName
from models.siamese import load_network
from models.variants import VARIANTS, VariantName
from pipeline import model_folder
from pipeline.data import batching, records
from pipeline.data.record_table import open_records
from pipeline.data.records import Photograph
from pipeline.data.synthetic_city import CitySettings, render_city
from pipeline.descriptors import SavedDescriptor
from pipeline.embeddings import files
from pipeline.embeddings.description import VectorDescriber, describe_shards
from pipeline.embeddings.job import Job, run_here
from pipeline.embeddings.photographs import RecordedPhotographs
from pipeline.embeddings.plan import Plan
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.train import Settings as TrainSettings
from pipeline.train import train

_BATCH = 32
_SHARDS = 4
_SIDES = (480, 640)  # height and width, pixels: about what collections are shared at
_SINGLE = 48  # photographs of a round of single ones


def main() -> None:
    """Measures and prints ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="mobilenet_v2", choices=BACKBONES)
    parser.add_argument("--variant", default="auto", choices=("auto", *VARIANTS))
    parser.add_argument("--photographs", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", type=int, default=8, help="rounds of the long run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(arguments, Path(folder))


def _measure(arguments: argparse.Namespace, folder: Path) -> None:
    taken = folder / "tfrecords" / "taken"
    records.write_shards({"train": _photographs(arguments.photographs)}, taken, _SHARDS)
    model = _model(folder, taken, arguments.backbone, arguments.variant)
    descriptor = SavedDescriptor(model)
    photographs = RecordedPhotographs.all_of(taken, open_records(taken))
    prepared = _prepared(photographs, descriptor)
    network = load_network(model / model_folder.TRAINING / model_folder.NETWORK)
    files = [_encoded(photographs, number) for number in range(_SINGLE)]
    ways: dict[str, Callable[[], float]] = {
        "forward pass, in memory": lambda: _forward(descriptor, prepared),
        "the job, records to files": lambda: _job(model, descriptor, photographs, folder / "out"),
        "single photographs, predict": lambda: _single(network, files),
    }
    for way in ways.values():
        way()
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            rates[name].append(way())
    ours = np.array(rates["the job, records to files"])
    for name, found in rates.items():
        ratios = ours / np.array(found)
        print(
            f"{name}: {np.median(found):.1f} photographs a second; the job has "
            f"{np.median(ratios):.2f} times as many ({ratios.min():.2f} to {ratios.max():.2f})"
        )
    _print_start(model, taken)
    _print_memory(descriptor, photographs, arguments.long)


def _photographs(count: int) -> Iterator[Photograph]:
    """Buildings of the city, enlarged, with a camera's noise."""
    generator = np.random.default_rng(0)
    rendered = list(render_city(CitySettings(landmarks=8, photographs_per_landmark=4, size=480)))
    for number in range(count):
        found = rendered[number % len(rendered)]
        small = cv2.imdecode(np.frombuffer(found.encoded, np.uint8), cv2.IMREAD_COLOR)
        large = cv2.resize(small, _SIDES[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
        noisy = np.clip(large + generator.normal(0, 4, large.shape), 0, 255).astype(np.uint8)
        encoded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
        yield Photograph(
            id=f"{number:016x}",
            sha256=hashlib.sha256(encoded).hexdigest(),
            encoded=encoded,
            format="JPEG",
            height=_SIDES[0],
            width=_SIDES[1],
            label=number % 8,
            landmark=f"building {number % 8}",
        )


def _model(
    folder: Path, taken: Path, backbone: BackboneName, variant: Literal["auto", VariantName]
) -> Path:
    model = folder / "exported" / backbone
    train(
        TrainSettings(
            records=taken,
            output=model,
            backbone=backbone,
            weights="none",
            projection="random",
            epochs=0,
        )
    )
    trained = model / model_folder.TRAINING / model_folder.NETWORK
    network = load_network(trained)
    draw_biases(network)
    network.save(trained)
    export(ExportSettings(model=model, variant=variant))
    print(f"graph {model_folder.read_model_file(model)['variant']['name']}")
    return model


def _prepared(photographs: RecordedPhotographs, descriptor: SavedDescriptor) -> list[object]:
    """The images of all batches, decoded beforehand."""
    numbers = np.concatenate([shard.numbers for shard in photographs.shards])
    batches = batching.in_batches(numbers, _BATCH)
    stream = batching.stored_batches(photographs, batches, photographs.parse, descriptor.prepare)
    return [images for _, _, images, _ in stream]


def _encoded(photographs: RecordedPhotographs, number: int) -> bytes:
    record = photographs.files.read(number)
    return records.parse_photograph(tf.constant(record))["image/encoded"].numpy()


def _forward(descriptor: SavedDescriptor, prepared: list[object]) -> float:
    start = time.perf_counter()
    described = sum(len(descriptor.describe_prepared(images)) for images in prepared)
    return described / (time.perf_counter() - start)


def _job(
    model: Path, descriptor: SavedDescriptor, photographs: RecordedPhotographs, output: Path
) -> float:
    """Photographs a second from the first batch on."""
    job = Job(
        layout=files.VECTORS,
        load=VectorDescriber.open,
        photographs=photographs,
        model=model,
        fingerprint=descriptor.fingerprint,
        dimension=descriptor.dimension,
        output=str(output),
        batch=_BATCH,
    )
    pairs = range(len(photographs.shards))
    done, start = 0, 0.0
    for one in run_here(job, Plan(finished={}, pairs=pairs)):
        if isinstance(one, int):
            start = start or time.perf_counter()
            done += one
    return (done - _BATCH) / (time.perf_counter() - start)


def _single(network: keras.Model, files: list[bytes]) -> float:
    """One photograph after the other, as the code of most peers does."""
    side = 224
    start = time.perf_counter()
    for encoded in files:
        loaded = keras.utils.load_img(io.BytesIO(encoded), target_size=(side, side))
        network.predict(keras.utils.img_to_array(loaded)[None].astype(np.uint8), verbose=0)
    return len(files) / (time.perf_counter() - start)


def _print_start(model: Path, taken: Path) -> None:
    """What passes until the first photograph is described, in a process of its own."""
    code = f"""
import time; begun = time.perf_counter()
def told(what):
    global begun
    now = time.perf_counter(); print(f"{{what}} {{now - begun:.2f}} s", end="; "); begun = now
import pipeline.embed; told("imports")
from pathlib import Path
from pipeline.data.record_table import open_records
from pipeline.embeddings.description import VectorDescriber, describe_shards
from pipeline.embeddings.photographs import RecordedPhotographs
photographs = RecordedPhotographs.all_of(Path({str(taken)!r}), open_records(Path({str(taken)!r})))
told("records opened")
describer = VectorDescriber.open(Path({str(model)!r})); told("model loaded")
next(iter(describe_shards(photographs, [0], describer, {_BATCH}))); told("first batch described")
"""
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    print(f"until the first {_BATCH} photographs: {done.stdout.rstrip('; ')}")


def _print_memory(
    descriptor: SavedDescriptor, photographs: RecordedPhotographs, rounds: int
) -> None:
    """How much memory one job takes as it goes on over the shards, read again and again."""
    shards = list(range(len(photographs.shards)))
    done, told = 0, [f"{_resident():.2f} at first"]
    for one in describe_shards(photographs, shards * rounds, VectorDescriber(descriptor), _BATCH):
        if isinstance(one, int):
            done += one
        elif one.place == shards[-1]:
            told.append(f"{_resident():.2f} after {done}")
    print(f"GiB in memory, of one job, by photographs: {', '.join(told)}")


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**30


if __name__ == "__main__":
    main()
