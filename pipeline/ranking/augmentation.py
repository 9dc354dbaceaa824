"""Embeddings that have taken in those of their neighbours, for an index that lasts.

Memory is that of the index which finds the neighbours, of their numbers, and of a block.
"""

import dataclasses
from pathlib import Path

import numpy as np

from pipeline.embeddings import files
from pipeline.embeddings.files import StoredEmbeddings
from pipeline.index import building
from pipeline.index.building import Room
from pipeline.progress import progress_bar
from pipeline.ranking.expansion import expanded

# Up to here every photograph is compared with every other: a minute or two of 1,280 dimensions.
_COMPARED_WITH_ALL = 50_000
_FINDING = "ivfsq8"  # a byte a dimension; merged on disk where even that is too much
_AT_A_TIME = 1024  # photographs: 110 MB of neighbours' vectors of 1,280 dimensions, 20 each
_LEAST_RECALL = 0.95  # of the neighbours


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Which embeddings take which in.

    Attributes:
        stored: The embeddings as they are.
        nearest: int64 ``(n, k + 1)``, rows of the nearest of each, itself left out, best first,
            one more than take part; -1 where there are fewer.
        similarities: float32 ``(n, k + 1)``, -inf where there are fewer.
        alpha: See ``expansion.expanded``.
        engine: What has found them.
    """

    stored: StoredEmbeddings
    nearest: np.ndarray
    similarities: np.ndarray
    alpha: float
    engine: str

    @property
    def k(self) -> int:
        """How many nearest take part."""
        return self.nearest.shape[1] - 1

    def vectors(self, rows: np.ndarray, without: np.ndarray | None = None) -> np.ndarray:
        """The augmented vectors of some rows, float32 ``(n, dim)``.

        Args:
            rows: int ``(n,)``.
            without: int ``(n,)``, a row for each that takes no part, as if it were not there.
        """
        nearest, similarities = self.nearest[rows], self.similarities[rows]
        if without is not None:
            is_out = nearest == without[:, None]
            similarities = np.where(is_out, -np.inf, similarities)
            order = np.argsort(is_out, axis=1, kind="stable")
            nearest = np.take_along_axis(nearest, order, 1)
            similarities = np.take_along_axis(similarities, order, 1)
        nearest, similarities = nearest[:, : self.k], similarities[:, : self.k]
        nearest = np.where(nearest < 0, rows[:, None], nearest)  # of no weight
        needed, places = np.unique(np.append(nearest, rows), return_inverse=True)
        held = np.concatenate(list(self.stored.take(needed)))
        held /= np.linalg.norm(held, axis=1, keepdims=True)  # of 16 bits, they nearly are
        others, own = held[places[: nearest.size]], held[places[nearest.size :]]
        return expanded(
            own, others.reshape(*nearest.shape, held.shape[1]), similarities, self.alpha
        )

    def unseen(self, asking: np.ndarray, found: np.ndarray, similarities: np.ndarray) -> np.ndarray:
        """Similarities to queries of what has not taken in the query; see ``learn_from``.

        Args:
            asking: int ``(queries,)``, rows, ascending.
            found: int ``(queries, n)``, rows of augmented vectors, -1 for none.
            similarities: float ``(queries, n)``.
        """
        similarities = similarities.copy()
        queries = np.concatenate(list(self.stored.take(asking)))
        for number, (row, query) in enumerate(zip(asking, queries, strict=True)):
            there = np.flatnonzero(found[number] >= 0)
            has_it = (self.nearest[found[number, there], : self.k] == row).any(axis=1)
            places = there[has_it]
            if len(places):
                vectors = self.vectors(found[number, places], np.full(len(places), row))
                similarities[number, places] = vectors @ query
        return similarities

    def write(self, folder: Path) -> StoredEmbeddings:
        """Writes the augmented vectors of all into a folder, block by block.

        Returns:
            The embeddings with these vectors, which stay in the folder.
        """
        path = Path(files.vectors_path(folder, 0))
        path.parent.mkdir(parents=True)
        count = len(self.stored)
        written = np.lib.format.open_memmap(path, "w+", np.float32, (count, self.stored.dimension))
        with progress_bar("Augmenting", unit="vectors", total=count) as bar:
            for start in range(0, count, _AT_A_TIME):
                rows = np.arange(start, min(start + _AT_A_TIME, count))
                written[rows] = self.vectors(rows)
                bar.update(len(rows))
        written.flush()
        pairs = ((str(folder), 0, count),)
        return dataclasses.replace(self.stored, pairs=pairs, kept=np.arange(count))

    def as_json(self) -> dict[str, object]:
        """As an index's manifest tells it."""
        return {"neighbours": self.k, "alpha": self.alpha, "found_by": self.engine}


def augmentation(stored: StoredEmbeddings, k: int, alpha: float, room: Room) -> Augmentation:
    """Finds the nearest of every embedding by cosine: exactly where there are few.

    Args:
        stored: The embeddings.
        k: How many nearest take part.
        alpha: See ``expansion.expanded``.
        room: What finding them may take.

    Raises:
        ValueError: If there are no embeddings, or they are none that an index takes.
    """
    kind = "flat" if len(stored) <= _COMPARED_WITH_ALL else _FINDING
    built = building.build(stored, kind, "cosine", least_recall=_LEAST_RECALL, room=room)
    nearest = np.full((len(stored), k + 1), -1)
    similarities = np.full((len(stored), k + 1), -np.inf, np.float32)
    depth = min(k + 2, len(stored))
    start = 0
    with progress_bar("Finding neighbours", unit="photographs", total=len(stored)) as bar:
        for block in stored.blocks():
            for part in np.split(block, range(_AT_A_TIME, len(block), _AT_A_TIME)):
                own = np.arange(start, start + len(part))
                near, found = built.index.search(part, depth)
                rows = np.where(found < 0, -1, built.order[found])
                order = np.argsort(rows == own[:, None], axis=1, kind="stable")[:, : depth - 1]
                nearest[own, : depth - 1] = np.take_along_axis(rows, order, 1)
                similarities[own, : depth - 1] = np.take_along_axis(near, order, 1)
                start += len(part)
                bar.update(len(part))
    return Augmentation(
        stored=stored,
        nearest=nearest,
        similarities=similarities,
        alpha=alpha,
        engine=f"Faiss {built.factory}, recall@{built.k} {built.recall:.3f}",
    )
