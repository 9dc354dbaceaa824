"""Learns from a collection how far its similarities are to be trusted."""

from collections.abc import Callable

import numpy as np
import pyarrow.compute as pc

from pipeline.embeddings.files import StoredEmbeddings
from pipeline.index.interface import Collection
from pipeline.recognition import votes
from pipeline.recognition.votes import VOTERS, Recognition

_QUERIES = 1000
_OF_ITS_LANDMARK = 100  # photographs more that are searched for, as one's own are left out


Unseen = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def learn_from(
    collection: Collection,
    stored: StoredEmbeddings,
    learned_contents: np.ndarray,
    unseen: Unseen | None = None,
) -> Recognition | None:
    """Asks a collection with photographs of its own, each of which is left out of the answer.

    Landmarks that the model was trained on do not ask: their photographs are closer together than
    those of others.

    Args:
        collection: Of these photographs, under their ids.
        stored: Their embeddings.
        learned_contents: Content ids of what the model has learned from, bytes ``(n,)``.
        unseen: Where the collection's vectors have taken in those of neighbours: from the rows
            that ask, ``(queries,)``, the rows found, ``(queries, n)``, -1 for none, and their
            similarities, to the similarities they would have had they not taken in who asks.

    Returns:
        None if it knows too few landmarks, see ``votes.learn``.
    """
    labels = stored.metadata["label"].to_numpy()
    contents = np.array(stored.metadata["content"].to_pylist(), bytes)
    learned = labels[np.isin(contents, learned_contents)]
    labelled = np.flatnonzero((labels >= 0) & ~np.isin(labels, learned))
    generator = np.random.default_rng(0)
    count = min(_QUERIES, len(labelled))
    rows = np.sort(generator.choice(labelled, count, replace=False)) if count else labelled
    if len(np.unique(labels[rows])) < 2:
        return None
    own_keys = collection.keys_of(stored.metadata["id"].take(rows).to_pylist())
    depth = min(len(collection), 1 + VOTERS + _OF_ITS_LANDMARK)
    found = [collection.search(vectors, depth) for vectors in stored.take(rows)]
    similarities, keys = (np.concatenate(parts) for parts in zip(*found, strict=True))
    similarities = np.where(keys == own_keys[:, None], -np.inf, similarities)
    known = collection.photographs(np.where(keys < 0, own_keys[:, None], keys).ravel())
    neighbours = known["label"].to_numpy().reshape(keys.shape)
    if unseen is not None:
        places = pc.index_in(known["id"], value_set=stored.metadata["id"]).to_numpy()
        places = np.where(np.isfinite(similarities), places.reshape(keys.shape), -1)
        similarities = unseen(rows, places, similarities)
        order = np.argsort(-similarities, axis=1, kind="stable")
        similarities = np.take_along_axis(similarities, order, 1)
        neighbours = np.take_along_axis(neighbours, order, 1)
    neighbours = np.where(np.isfinite(similarities), neighbours, -1)
    shown, photographs = np.unique(labels[labelled], return_counts=True)
    has_others = np.isin(labels[rows], shown[photographs > 1])
    return votes.learn(similarities, neighbours, labels[rows], has_others)
