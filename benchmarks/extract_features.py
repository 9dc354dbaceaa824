"""Extraction of local features: the job beside one photograph after the other.

    python -m benchmarks.extract_features
    python -m benchmarks.extract_features --model=exported/EXTRACTOR

Photographs of the synthetic city, as files; by default with SIFT. Both decode and find the same
features; the job writes them besides.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from pipeline.data.synthetic_city import CitySettings, render_city
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.extract import Settings, extract
from pipeline.local_features.extractor import open_extractor
from pipeline.query_photograph import read_photograph

_SIDE = 480


def write_photographs(folder: Path, count: int) -> list[Path]:
    """Renders photographs of ten buildings."""
    each = max(1, count // 10)
    city = CitySettings(landmarks=10, photographs_per_landmark=each, size=_SIDE)
    paths = []
    for one in render_city(city):
        paths.append(folder / one.name)
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].write_bytes(one.encoded)
    return paths


def main() -> None:
    """Prints photographs a second of both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--photographs", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        paths = write_photographs(Path(scratch) / "city", arguments.photographs)
        given = arguments.model
        model = given or export(ExportSettings(model=Path(scratch) / "sift", classical="sift"))
        extractor = open_extractor(model)
        extractor.extract(read_photograph(paths[0]))  # what is loaded at first
        start = time.perf_counter()
        found = sum(len(extractor.extract(read_photograph(path))) for path in paths)
        alone = len(paths) / (time.perf_counter() - start)
        print(f"one at a time: {alone:.1f} photographs/s, {found / len(paths):.0f} features each")
        start = time.perf_counter()
        name = Path(scratch).name  # none that the model has
        store = extract(Settings(model=model, photos=str(Path(scratch) / "city"), name=name))
        job = len(paths) / (time.perf_counter() - start)
        shutil.rmtree(store)
        print(f"the job:       {job:.1f} photographs/s, {job / alone:.2f} times as many")


if __name__ == "__main__":
    main()
