"""How many photographs a second come from bytes to a network's pixels.

    python -m benchmarks.decode_photographs

Makes 1600 x 1200 JPEGs of 300 to 400 kB, loads them at 224 pixels in turn as other code does, as
this code does, and with nothing but the decoder, and prints the rates (medians of the rounds),
their ratios and the processor's time for every step.
"""

import concurrent.futures
import dataclasses
import functools
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import tensorflow as tf

from models.orientation import exif_orientation
from models.preprocessing import load_photograph, resize
from pipeline.data.augmentation import Augmentation, augmented_photograph
from pipeline.data.synthetic_city import CitySettings, render_city

_SIZE = 224
_RATIO = 4  # 400 x 300: the least scale of libjpeg that is not below 224
_ROUNDS = 7
_PHOTOGRAPHS = 200  # a chain and round
_WARM_UP = 20  # building the data set's functions takes as long as these


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """Photographs a second, and the processor's milliseconds for one."""

    rate: float
    processor: float


def make_photographs(count: int = 8) -> list[bytes]:
    """Photographs of the synthetic city with the fine grain of a sensor, JPEG, 1600 x 1200."""
    rng = np.random.default_rng(0)
    city = CitySettings(landmarks=count, photographs_per_landmark=1, size=1200, seed=3)
    photographs = []
    for photograph in render_city(city):
        square = cv2.imdecode(np.frombuffer(photograph.encoded, np.uint8), cv2.IMREAD_COLOR)
        image = cv2.resize(square, (1600, 1200), interpolation=cv2.INTER_CUBIC)
        grain = cv2.GaussianBlur(rng.normal(0.0, 13.0, (1200, 1600, 1)), (0, 0), 0.8)[..., None]
        image = np.clip(image + grain, 0, 255).astype(np.uint8)
        photographs.append(_encode_below(image, 400_000))
    return photographs


def _encode_below(image: np.ndarray, size: int) -> bytes:
    for quality in range(92, 0, -2):
        encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(encoded) < size:
            break
    return encoded


def measure(photographs: Iterator[object]) -> Cost:
    """Takes photographs, and times all but the first of them."""
    for _ in itertools.islice(photographs, _WARM_UP):
        pass
    wall, processor = time.perf_counter(), time.process_time()
    count = sum(1 for _ in itertools.islice(photographs, _PHOTOGRAPHS))
    rate = count / (time.perf_counter() - wall)
    return Cost(rate=rate, processor=1e3 * (time.process_time() - processor) / count)


def chain(
    elements: Sequence[object], load: Callable[[tf.Tensor, tf.Tensor], object]
) -> Callable[[], Iterator[object]]:
    """A data set that loads elements over and over, in one thread a core."""
    threads = os.cpu_count() or 1
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    options.threading.max_intra_op_parallelism = 1
    dataset = tf.data.Dataset.from_tensor_slices(elements).repeat().enumerate()
    dataset = dataset.map(load, num_parallel_calls=threads).with_options(options)
    return lambda: iter(dataset)


def opencv_threads(photographs: Sequence[bytes]) -> Iterator[object]:
    """OpenCV's decoder at the same scale, in one thread a core."""
    threads = os.cpu_count() or 1
    arrays = [np.frombuffer(photograph, np.uint8) for photograph in photographs]
    decode = functools.partial(cv2.imdecode, flags=cv2.IMREAD_REDUCED_COLOR_4)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(decode, array) for array in arrays[: 2 * threads]]
        for array in itertools.cycle(arrays):
            waiting.append(pool.submit(decode, array))
            yield waiting.pop(0).result()


def _reduced(_: tf.Tensor, encoded: tf.Tensor) -> tf.Tensor:
    return tf.io.decode_jpeg(encoded, channels=3, ratio=_RATIO, dct_method="INTEGER_ACCURATE")


def _plain(_: tf.Tensor, encoded: tf.Tensor, method: str) -> tf.Tensor:
    return tf.image.resize(tf.io.decode_jpeg(encoded, channels=3), (_SIZE, _SIZE), method)


def _plain_in_floats(_: tf.Tensor, encoded: tf.Tensor) -> tf.Tensor:
    image = tf.image.convert_image_dtype(tf.io.decode_jpeg(encoded, channels=3), tf.float32)
    return tf.image.resize(image, (_SIZE, _SIZE))


def _augmented(number: tf.Tensor, encoded: tf.Tensor) -> tf.Tensor:
    return augmented_photograph(encoded, _SIZE, [0, number], Augmentation())


def chains(photographs: list[bytes]) -> dict[str, Callable[[], Iterator[object]]]:
    """What is compared, then the steps of this code alone."""
    reduced = [_reduced(tf.constant(0), tf.constant(each)).numpy() for each in photographs]
    of_bytes, of_images = (functools.partial(chain, each) for each in (photographs, reduced))
    return {
        "plain, nearest": of_bytes(functools.partial(_plain, method="nearest")),
        "plain, bilinear": of_bytes(functools.partial(_plain, method="bilinear")),
        "plain, floats, bilinear": of_bytes(_plain_in_floats),
        "this code": of_bytes(lambda _, encoded: load_photograph(encoded, _SIZE)),
        "this code, augmenting": of_bytes(_augmented),
        "bound: decoder in tf.data": of_bytes(_reduced),
        "bound: OpenCV in threads": functools.partial(opencv_threads, photographs),
        "hand over": of_bytes(lambda _, encoded: tf.strings.length(encoded)),
        "header": of_bytes(lambda _, encoded: tf.io.extract_jpeg_shape(encoded)),
        "orientation": of_bytes(lambda _, encoded: exif_orientation(encoded)),
        "hand over images": of_images(lambda _, image: image),
        "resize": of_images(lambda _, image: resize(image, _SIZE)),
    }


def print_rates(costs: dict[str, Cost]) -> None:
    """Photographs a second beside the targets: 2.5 of the plain chain, 0.85 of the bound."""
    own, bound = costs["this code"], costs["bound: decoder in tf.data"]
    print(f"{'':26} photographs/s  processor ms  this code is")
    for name, cost in itertools.islice(costs.items(), 7):
        print(f"{name:26} {cost.rate:13.0f} {cost.processor:13.2f} {own.rate / cost.rate:13.2f}")
    plain = costs["plain, bilinear"]
    print(
        f"\n{own.rate / plain.rate:.2f} x plain, bilinear (target 2.5; the decoder alone is "
        f"{bound.rate / plain.rate:.2f}); {own.rate / bound.rate:.2f} x the bound (target 0.85)"
    )


def print_steps(costs: dict[str, Cost]) -> None:
    """Where the processor's time goes; the rest is TensorFlow going from step to step."""
    base, images = costs["hand over"].processor, costs["hand over images"].processor
    steps = {
        "hand over the bytes": base,
        "header": costs["header"].processor - base,
        "orientation": costs["orientation"].processor - base,
        "decode": costs["bound: decoder in tf.data"].processor - base,
        "resize": costs["resize"].processor - images,
    }
    whole = costs["this code"].processor
    steps["the rest"] = whole - sum(steps.values())
    print("\nprocessor time a photograph")
    for name, milliseconds in steps.items():
        print(f"{name:26} {milliseconds:6.2f} ms {100 * milliseconds / whole:5.1f} %")


def main() -> None:
    """Measures everything in turn, round after round, and prints medians."""
    photographs = make_photographs()
    sizes = [len(each) // 1000 for each in photographs]
    print(f"{len(photographs)} JPEGs of {min(sizes)} to {max(sizes)} kB, {os.cpu_count()} cores\n")
    compared = chains(photographs)
    rounds: dict[str, list[Cost]] = {name: [] for name in compared}
    for _, (name, begin) in itertools.product(range(_ROUNDS), compared.items()):
        rounds[name].append(measure(begin()))
    costs = {
        name: Cost(
            rate=statistics.median(cost.rate for cost in each),
            processor=statistics.median(cost.processor for cost in each),
        )
        for name, each in rounds.items()
    }
    print_rates(costs)
    print_steps(costs)


if __name__ == "__main__":
    main()
