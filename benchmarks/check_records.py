"""How fast check_records reads, decodes and compares.

    python -m benchmarks.check_records
    python -m benchmarks.check_records --size=480 --photographs=4000

Writes shards of one city's photographs, enlarged and with noise, so that a JPEG has as many bytes
as a camera's, each with other bytes after its end, so that no two are copies. Runs in turn with
the decoder alone, which is given the same photographs from memory in as many threads.
"""

import argparse
import concurrent.futures
import functools
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline.check_records import Settings, check_records
from pipeline.data import records
from pipeline.data.records import Photograph
from pipeline.data.synthetic_city import CitySettings, render_city

_DIFFERENT = 48  # photographs rendered; the others repeat them
_ROUNDS = 3
_SCALE = 8  # of the decoder alone, the most reduced


def encoded_photographs(size: int, quality: int) -> list[bytes]:
    """JPEGs of ``size`` by three quarters of it."""
    generator = np.random.default_rng(0)
    settings = CitySettings(landmarks=12, photographs_per_landmark=4, size=256)
    encoded = []
    for photograph in render_city(settings):
        pixels = tf.io.decode_jpeg(photograph.encoded, channels=3)
        large = tf.image.resize(pixels, (size * 3 // 4, size), method="bicubic").numpy()
        noise = generator.normal(0, 8, large.shape)
        noisy = np.clip(large + noise, 0, 255).astype(np.uint8)
        encoded.append(tf.io.encode_jpeg(noisy, quality=quality, chroma_downsampling=True).numpy())
    return encoded[:_DIFFERENT]


def photographs(encoded: Sequence[bytes], count: int, size: int) -> Iterator[Photograph]:
    """``count`` photographs, no two with the same bytes."""
    for number in range(count):
        content = encoded[number % len(encoded)] + number.to_bytes(4, "big")
        yield Photograph(
            id=f"{number:016x}",
            sha256=hashlib.sha256(content).hexdigest(),
            encoded=content,
            format="JPEG",
            height=size * 3 // 4,
            width=size,
            landmark=f"landmark {number % 100}",
            label=number % 100,
        )


def seconds_to_decode(encoded: Sequence[bytes], count: int) -> float:
    """Of the decoder alone, at an eighth of the size."""
    decode = functools.partial(tf.io.decode_jpeg, channels=3, ratio=_SCALE)
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(decode, (encoded[n % len(encoded)] for n in range(count))):
            pass
    return time.perf_counter() - start


def main() -> None:
    """Prints the rate of every round, and how much of the time the decoder alone takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=1600, help="Longer side, pixels.")
    parser.add_argument("--quality", type=int, default=84, help="Of the JPEGs.")
    parser.add_argument("--photographs", type=int, default=1000)
    arguments = parser.parse_args()
    encoded = encoded_photographs(arguments.size, arguments.quality)
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "records"
        found = photographs(encoded, arguments.photographs, arguments.size)
        records.write_shards({"train": found}, folder, shards=4)
        megabytes = sum(shard.path.stat().st_size for shard in records.list_shards(folder)) / 1e6
        kilobytes = 1e3 * megabytes / arguments.photographs
        print(f"{arguments.photographs} photographs of {kilobytes:.0f} kB, {os.cpu_count()} CPUs")
        for _ in range(_ROUNDS):
            start = time.perf_counter()
            check_records(Settings(records=(str(folder),)))
            seconds = time.perf_counter() - start
            alone = seconds_to_decode(encoded, arguments.photographs)
            print(
                f"{megabytes / seconds:.0f} MB/s, {megabytes / seconds * 0.06:.1f} GB/minute, "
                f"{arguments.photographs / seconds:.0f} photographs/s; "
                f"the decoder alone takes {alone / seconds:.0%} of the time"
            )


if __name__ == "__main__":
    main()
