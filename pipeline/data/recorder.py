"""From a source to the photographs that records hold: each once, with what was left out told."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from pipeline.data.inspection import inspect_photographs
from pipeline.data.records import Photograph
from pipeline.data.sources.source import Skipped, Source


class Recorder:
    """Passes sound photographs on, each once, and remembers what it left out.

    The same bytes are recorded once where the content is a photograph's id, and never in two
    splits. A data set with ids of its own may hold the same bytes under two of them.

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
        self._contents: dict[bytes, tuple[str, str]] = {}  # split and title of the first
        self._ids: set[str] = set()

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
        content = bytes.fromhex(photograph.sha256)[:16]  # half of it: there may be millions
        known_id = photograph.id in self._ids
        first_split, first = self._contents.get(content, (split, ""))
        if first and (known_id or first_split != split):
            return Skipped(name=name, reason=f"the same bytes as {first}")
        if known_id:
            return Skipped(name=name, reason=f"another photograph has its id, {photograph.id}")
        self._ids.add(photograph.id)
        self._contents.setdefault(content, (split, name))
        return photograph
