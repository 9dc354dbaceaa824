"""How fast photographs of 1600 x 1200 pixels stream out of records as images of 224.

    python -m benchmarks.stream_records

Writes records of its own, then measures in one run, in turn: the plain chain of others (decode in
full, nearest or bilinear resize), this system's chain in the order of the records, by landmark and
augmented, and the bound: the same decoder at the same reduced scale in as many threads with nothing
around it. The heavier a JPEG, the less a reduced scale spares: ``--noise=0`` makes lighter ones.
``--records=N`` streams N tiny records instead and prints the memory that it takes.
"""

import argparse
import concurrent.futures
import functools
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tensorflow as tf

from pipeline.data import inputs, records, samplers
from pipeline.data.augmentation import LIGHT, Augmentation
from pipeline.data.record_table import RecordTable, open_records
from pipeline.data.records import Photograph
from pipeline.data.synthetic_city import CitySettings, render_city

_SIZE = 224
_BATCH = 32
_PHOTOGRAPHS = 384
_LANDMARKS = 24
_EPOCHS = 4  # a round: filling and draining the chain take a tenth of a second
_ROUNDS = 3
_TINY_LANDMARKS = 1000


def _large_photographs(noise: float) -> Iterator[Photograph]:
    """Photographs of the city, enlarged, with the noise of a camera: its standard deviation."""
    city = CitySettings(landmarks=_LANDMARKS, photographs_per_landmark=2, size=512)
    generator = np.random.default_rng(0)
    rendered = list(render_city(city))
    for number in range(_PHOTOGRAPHS):
        small = cv2.imdecode(np.frombuffer(rendered[number % len(rendered)].encoded, np.uint8), 1)
        large = cv2.resize(small, (1600, 1200), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        noisy = np.clip(large + generator.normal(0, noise, large.shape), 0, 255).astype(np.uint8)
        encoded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
        label = number % len(rendered) // 2
        yield _photograph(f"{number:016x}", encoded, label, (1200, 1600))


def _tiny_photographs(count: int) -> Iterator[Photograph]:
    encoded = cv2.imencode(".jpg", np.full((16, 16, 3), 128, np.uint8))[1].tobytes()
    for number in range(count):
        yield _photograph(f"{number:016x}", encoded, number % _TINY_LANDMARKS, (16, 16))


def _photograph(name: str, encoded: bytes, label: int, shape: tuple[int, int]) -> Photograph:
    return Photograph(
        id=name,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        encoded=encoded,
        format="JPEG",
        height=shape[0],
        width=shape[1],
        label=label,
        landmark=f"landmark {label}",
    )


def _plain(table: RecordTable, method: str) -> tf.data.Dataset:
    """What others do: decode in full, resize without antialiasing."""

    def load(record: tf.Tensor) -> tf.Tensor:
        encoded = records.parse_photograph(record)["image/encoded"]
        image = tf.io.decode_jpeg(encoded, channels=3)
        return tf.image.resize(image, (_SIZE, _SIZE), method=method)

    paths = [str(path) for path in table.files.paths]
    dataset = (
        tf.data.TFRecordDataset(paths)
        .repeat(_EPOCHS)
        .map(load, num_parallel_calls=tf.data.AUTOTUNE)
    )
    return dataset.batch(_BATCH).prefetch(2)


def _ours(
    table: RecordTable, order: np.ndarray, augmentation: Augmentation | None = None
) -> tf.data.Dataset:
    return inputs.training_batches(
        table.files,
        np.tile(order, (_EPOCHS, 1))[..., None],
        inputs.parse_labelled,
        table.labels[:, None],
        size=_SIZE,
        augmentation=augmentation,
    )


def _consume(batches: Iterable[object]) -> None:
    for _ in batches:
        pass


def _bound(photographs: list[bytes]) -> None:
    """Decodes at a quarter in as many threads as there are cores, and does nothing else."""

    def decode(encoded: bytes) -> None:
        cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_REDUCED_COLOR_4)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(decode, photographs))


def _bound_tensorflow(photographs: list[tf.Tensor]) -> None:
    def decode(encoded: tf.Tensor) -> None:
        tf.io.decode_jpeg(encoded, channels=3, ratio=4, dct_method="INTEGER_ACCURATE")

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(decode, photographs))


class Rate(NamedTuple):
    """Photographs a second, and milliseconds of a core that each takes."""

    a_second: float
    milliseconds: float


def _measure(table: RecordTable) -> dict[str, Rate]:
    """The median of the rounds of each way, measured in turn."""
    sequential = np.arange(len(table)).reshape(-1, _BATCH)
    by_landmark = samplers.landmark_batches(table.labels, 8, _BATCH // 8, seed=0, epoch=1)
    encoded = [
        records.parse_photograph(tf.constant(table.files.read(number)))["image/encoded"]
        for number in range(len(table))
    ]
    as_bytes = [one.numpy() for one in encoded]
    # Built once: tracing a chain takes as long as some hundred photographs.
    chains = {
        "plain, nearest": _plain(table, "nearest"),
        "plain, bilinear": _plain(table, "bilinear"),
        "ours, sequential": _ours(table, sequential),
        "ours, 8 landmarks by 4": _ours(table, by_landmark),
        "ours, lightly augmented": _ours(table, sequential, LIGHT),
        "ours, fully augmented": _ours(table, sequential, Augmentation()),
    }
    ways: dict[str, Callable[[], None]] = {
        "bound, OpenCV's decoder": lambda: _bound(as_bytes * _EPOCHS),
        "bound, TensorFlow's decoder": lambda: _bound_tensorflow(encoded * _EPOCHS),
        **{name: functools.partial(_consume, chain) for name, chain in chains.items()},
    }
    rates: dict[str, list[Rate]] = {name: [] for name in ways}
    for _ in range(_ROUNDS + 1):
        for name, run in ways.items():
            start, busy = time.perf_counter(), time.process_time()
            run()
            seconds = time.perf_counter() - start
            busy = time.process_time() - busy
            photographs = _EPOCHS * len(table)
            rates[name].append(Rate(photographs / seconds, 1000 * busy / photographs))
    # The first round compiles.
    return {name: Rate(*np.median(found[1:], axis=0)) for name, found in rates.items()}


def _print(rates: dict[str, Rate]) -> None:
    for name, rate in rates.items():
        print(f"{name:28} {rate.a_second:7.0f} photographs/s {rate.milliseconds:7.2f} ms of a core")
    ours = rates["ours, sequential"]
    comparisons = {
        "of the plain chain (2.5)": ("plain, bilinear", "plain, nearest"),
        "of the bound (.85)": ("bound, OpenCV's decoder", "bound, TensorFlow's decoder"),
    }
    for name, others in comparisons.items():
        fastest = max(rates[other].a_second for other in others)
        least = min(rates[other].milliseconds for other in others)
        _print_ratio(name, ours.a_second / fastest, least / ours.milliseconds)
    landmarks = rates["ours, 8 landmarks by 4"]
    _print_ratio(
        "landmarks to sequential (.9)",
        landmarks.a_second / ours.a_second,
        ours.milliseconds / landmarks.milliseconds,
    )


def _print_ratio(name: str, by_rate: float, by_work: float) -> None:
    print(f"{name:28} {by_rate:7.2f} by rate, {by_work:.2f} by a core's work")


def _stream_tiny(folder: Path) -> None:
    """An epoch of batches by landmark over many small records, and the memory it took."""
    start = time.perf_counter()
    table = open_records(folder, "train")
    print(f"{len(table):,} records opened in {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    order = samplers.landmark_batches(table.labels, 8, _BATCH // 8, seed=0, epoch=1)
    print(f"order of an epoch in {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    labels = table.labels[:, None]
    _consume(
        inputs.training_batches(
            table.files, order[..., None], inputs.parse_labelled, labels, size=32
        )
    )
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"streamed by landmark in {seconds:.0f} s, {order.size / seconds:.0f}/s, {peak:.2f} GiB")


def main() -> None:
    """Prints rates and ratios, or with ``--records=N`` the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, help="stream so many tiny records")
    parser.add_argument(
        "--noise",
        type=float,
        default=5.0,
        help="of the photographs, levels: more noise, more bytes",
    )
    parser.add_argument("--write-to", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write_to is not None:  # in a process of its own, whose memory does not count
        photographs = _tiny_photographs(arguments.records)
        records.write_shards({"train": photographs}, arguments.write_to, shards=None)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records"
        if arguments.records:
            command = [sys.executable, "-m", "benchmarks.stream_records", *sys.argv[1:]]
            subprocess.run([*command, f"--write-to={path}"], check=True)
            _stream_tiny(path)
            return
        photographs = _large_photographs(arguments.noise)
        records.write_shards({"train": photographs}, path, shards=4)
        table = open_records(path, "train")
        size = sum(one.stat().st_size for one in table.files.paths) / len(table)
        print(f"{len(table)} photographs of {size / 1000:.0f} KB, {os.cpu_count()} cores")
        _print(_measure(table))


if __name__ == "__main__":
    main()
