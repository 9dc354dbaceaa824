"""Local features of a photograph, whoever found them."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True)
class Features:
    """The local features of one photograph, best first; perhaps none.

    Attributes:
        locations: float32 ``(n, 2)``, y and x in pixels of the photograph, upright; the centre of
            its first pixel is at 0, 0.
        sizes: float32 ``(n,)``, sides of the regions described, pixels, above 0.
        scores: float32 ``(n,)``, how much each is worth, descending.
        descriptors: float32 ``(n, dim)``, unit length.
    """

    locations: np.ndarray
    sizes: np.ndarray
    scores: np.ndarray
    descriptors: np.ndarray

    def __len__(self) -> int:
        return len(self.locations)

    @classmethod
    def none(cls, dimension: int) -> "Features":
        """Of a photograph that shows nothing."""
        nothing = np.zeros(0, np.float32)
        return cls(
            locations=np.zeros((0, 2), np.float32),
            sizes=nothing,
            scores=nothing,
            descriptors=np.zeros((0, dimension), np.float32),
        )

    def some(self, rows: np.ndarray | slice) -> "Features":
        """Those of some rows."""
        return Features(
            locations=self.locations[rows],
            sizes=self.sizes[rows],
            scores=self.scores[rows],
            descriptors=self.descriptors[rows],
        )

    def enlarged(self, factors: tuple[float, float]) -> "Features":
        """The same in a photograph that is larger by ``factors`` down and across."""
        down, across = factors
        locations = (self.locations + 0.5) * np.array(factors, np.float32) - 0.5
        return dataclasses.replace(
            self,
            locations=locations.astype(np.float32),
            sizes=(self.sizes * (down * across) ** 0.5).astype(np.float32),
        )

    def within(self, box: tuple[float, float, float, float]) -> "Features":
        """Those that lie in a box, x1, y1, x2, y2 in pixels, the last two exclusive."""
        x1, y1, x2, y2 = box
        y, x = self.locations[:, 0], self.locations[:, 1]
        return self.some((x1 <= x) & (x < x2) & (y1 <= y) & (y < y2))
