import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from demo.asking.batching import BatchingDescriptor
from pipeline.descriptors import SavedDescriptor, describe_part
from tests.tiny import Tiny

_SECONDS = 30  # at most, on a machine that does much else as well


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    """Of ten sizes."""
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (30 + n, 70 - n, 3), np.uint8) for n in range(10)]


def test_concurrent_queries_are_described_as_each_would_be_alone(
    tiny: Tiny, images: list[np.ndarray]
) -> None:
    sizes: list[int] = []
    plain, batching = SavedDescriptor(tiny.model), BatchingDescriptor(tiny.model, sizes.append)
    expected = [plain.describe_images(image[None])[0] for image in images]
    ready = threading.Barrier(len(images))

    def describe(image: np.ndarray) -> np.ndarray:
        ready.wait()
        return np.asarray(describe_part(batching, image, None, "auto"))[0]

    with ThreadPoolExecutor(len(images)) as threads:
        found = list(threads.map(describe, images))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert sum(sizes) == len(images)


def test_an_error_reaches_everybody_of_its_batch_and_nobody_after(
    tiny: Tiny, images: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    batching = BatchingDescriptor(tiny.model, lambda _: None)
    expected = batching.describe_images(images[0][None])
    begun, go_on = threading.Event(), threading.Event()

    def alone(descriptor: SavedDescriptor, images: np.ndarray) -> np.ndarray:
        begun.set()
        assert go_on.wait(_SECONDS)
        raise ValueError("nothing to see")

    def together(_: object) -> np.ndarray:
        raise MemoryError("no memory")

    def waiting() -> int:
        return len(batching._waiting)

    with monkeypatch.context() as patched, ThreadPoolExecutor(3) as threads:
        patched.setattr(SavedDescriptor, "describe_images", alone)
        patched.setattr(batching, "describe_all", together)
        first = threads.submit(batching.describe_images, images[0][None])
        others = []
        if begun.wait(_SECONDS):
            others = [threads.submit(batching.describe_images, one[None]) for one in images[1:3]]
        until = time.monotonic() + _SECONDS
        while waiting() < len(others) and time.monotonic() < until:
            time.sleep(0.01)
        go_on.set()
        assert len(others) == 2, "the first is described alone"
        with pytest.raises(ValueError, match="nothing to see"):
            first.result()
        for other in others:
            with pytest.raises(RuntimeError, match="could not be described") as told:
                other.result()
            assert isinstance(told.value.__cause__, MemoryError)
    np.testing.assert_allclose(batching.describe_images(images[0][None]), expected, atol=1e-6)


def test_a_box_is_described_as_without_a_server(tiny: Tiny, images: list[np.ndarray]) -> None:
    """Also of a photograph much larger than what the network sees."""
    large = np.kron(images[0], np.ones((9, 11, 1), np.uint8))
    batching, plain = BatchingDescriptor(tiny.model, lambda _: None), SavedDescriptor(tiny.model)
    box = np.array((0.1, 0.2, 0.7, 0.9), np.float32)
    encoded = tf.io.encode_png(large)
    signature = plain._module.signatures["region"]
    expected = signature(image_bytes=encoded[None], box=box[None])["global_descriptor"].numpy()
    np.testing.assert_allclose(batching.describe_region(large, box), expected, atol=1e-5)
