"""From a source to the photographs that records hold: each once, with what was left out told."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from pipeline.data.inspection import inspect_photographs
from pipeline.data.recorded_once import RecordedOnce
from pipeline.data.records import Photograph
from pipeline.data.sources.source import Skipped, Source


class Recorder:
    """Passes sound photographs on, each once, and remembers what it left out.

    Args:
        source: The photographs.
        bar: Told of every photograph that is done with.

    Attributes:
        counts: Photographs of every landmark, by its name.
        skipped: What was left out.
        transcoded: Photographs that Pillow rewrote, by what was done to them.
    """

    def __init__(self, source: Source, bar: "tqdm[None]") -> None:
        self.counts: Counter[str] = Counter()
        self.skipped: list[Skipped] = list(source.left_out)
        self.transcoded: Counter[str] = Counter()
        self._source = source
        self._bar = bar
        self._recorded = RecordedOnce()

    def photographs(self, split: str, numbers: np.ndarray) -> Iterator[Photograph]:
        """The photographs of these numbers that are sound and not recorded yet."""
        for item in inspect_photographs(self._source.read(numbers)):
            self._bar.update()
            found = item if isinstance(item, Skipped) else self._once(split, item)
            if isinstance(found, Skipped):
                self.skipped.append(found)
                continue
            self.counts[found.landmark] += 1
            if found.provenance:
                self.transcoded[found.provenance] += 1
            yield found

    def _once(self, split: str, photograph: Photograph) -> Photograph | Skipped:
        """The photograph, or which earlier one makes it superfluous."""
        name = photograph.title or photograph.id
        reason = self._recorded.superfluous(
            split=split,
            name=name,
            id=photograph.id,
            sha256=photograph.sha256,
            label=photograph.label,
        )
        return Skipped(name=name, reason=reason) if reason else photograph
