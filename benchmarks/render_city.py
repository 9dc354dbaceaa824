"""How many photographs of the synthetic city are rendered a second.

    python -m benchmarks.render_city

Renders one city with a single thread and with one thread a processor, in turn, and prints both
rates and their ratio, at the sizes the quickstart uses.
"""

import os
import time

from pipeline.data.synthetic_city import CitySettings, render_city

_ROUNDS = 3


def photographs_a_second(size: int, workers: int, seed: int) -> float:
    """Renders a new city of 20 landmarks by 14 photographs, buildings and all."""
    settings = CitySettings(landmarks=20, photographs_per_landmark=14, size=size, seed=seed)
    start = time.perf_counter()
    count = sum(1 for _ in render_city(settings, workers=workers))
    return count / (time.perf_counter() - start)


def main() -> None:
    """Prints a line for every size."""
    processors = os.cpu_count() or 1
    for size in (128, 256):
        one, every = (
            max(photographs_a_second(size, workers, seed) for seed in range(_ROUNDS))
            for workers in (1, processors)
        )
        print(
            f"{size} px: {one:.0f} photographs/s with 1 thread, {every:.0f} with {processors} "
            f"(ratio {every / one:.2f}), JPEG encoding included"
        )


if __name__ == "__main__":
    main()
