import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from demo.asking.batching import BatchingDescriptor
from pipeline.descriptors import SavedDescriptor, describe_part
from tests.tiny import Tiny


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
