"""How many photographs of the synthetic city are rendered a second.

    python -m benchmarks.render_city

Renders new cities at the sizes the quickstart uses, in turn, and prints both rates and their ratio.
"""

import time

from pipeline.data.synthetic_city import CitySettings, render_city

_SIZES = (128, 256)
_ROUNDS = 4


def photographs_a_second(size: int, seed: int) -> float:
    """Renders a new city of 20 landmarks by 14 photographs, buildings and all."""
    settings = CitySettings(landmarks=20, photographs_per_landmark=14, size=size, seed=seed)
    start = time.perf_counter()
    count = sum(1 for _ in render_city(settings))
    return count / (time.perf_counter() - start)


def main() -> None:
    """Prints the median of every size's rounds, JPEG encoding included."""
    rates: dict[int, list[float]] = {size: [] for size in _SIZES}
    for seed in range(_ROUNDS + 1):
        for size in _SIZES:
            # Seeds differ between sizes, as the buildings of a city are drawn once.
            rates[size].append(photographs_a_second(size, 1000 * size + seed))
    for size in _SIZES:
        first, *others = rates[size]  # the first round also imports and allocates
        middle = sorted(others)[len(others) // 2]
        print(
            f"{size} px: {middle:.0f} photographs/s ({min(others):.0f} to {max(others):.0f}), "
            f"first round {first:.0f}"
        )


if __name__ == "__main__":
    main()
