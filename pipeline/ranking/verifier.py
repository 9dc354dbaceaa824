"""Verification of the first results of a collection, by local features that were stored."""

import concurrent.futures
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.local.features import Features
from pipeline import model_folder
from pipeline.index.interface import Collection
from pipeline.local_features.extractor import Extractor, open_extractor
from pipeline.local_features.store import LocalFeatureStore, store_folder
from pipeline.ranking.verification import Verification, verify

FIRST = 100  # results that are verified
_SURE = 10.0  # orders of magnitude beyond chance at which most of a verification's worth is reached


class Verifier:
    """Compares queries with photographs of a collection by local features.

    The features of a photograph are those that an extractor found in the data sets that the
    collection is of. A photograph is known by its content, as data sets may name it alike.

    Args:
        folder: Model folder of the extractor, ``exported/EXTRACTOR``.
        collection: Whose photographs are verified.

    Attributes:
        extractor: Finds the features of a query, as many as are stored of a photograph.

    Raises:
        FileNotFoundError: If the extractor, or its features of a data set, are missing.
        ValueError: If another extractor found them, naming both, or a photograph of the
            collection has none.
    """

    def __init__(self, folder: Path, collection: Collection) -> None:
        self._store = _open_store(folder, collection.manifest["data"])
        self.extractor: Extractor = open_extractor(folder, self._store.most)
        if self._store.fingerprint != self.extractor.fingerprint:
            raise ValueError(
                f"The local features in {folder / model_folder.LOCAL_FEATURES} were found by the "
                f"extractor {self._store.fingerprint[:12]}; {folder} is "
                f"{self.extractor.fingerprint[:12]}. Find them anew with "
                f"`{_command(folder, collection.manifest['data'][0])} --most={self._store.most} "
                "--overwrite`."
            )
        self._require_all_of(collection, folder)

    def _require_all_of(self, collection: Collection, folder: Path) -> None:
        keys = collection.keys()
        contents = collection.photographs(keys)["content"].to_pylist()
        lacking = keys[self._store.rows_of_contents(contents) < 0]
        if len(lacking):
            (one,) = collection.photographs(lacking[:1]).to_pylist()
            raise ValueError(
                f"{len(lacking)} photographs of the index have no local features in {folder}, "
                f"{one['id']!r} of {one['data']} for one; find them with "
                f"`{_command(folder, one['data'])}`."
            )

    def features_of(self, contents: Sequence[str]) -> list[Features]:
        """The stored features of photographs, by the hashes of their contents."""
        return self._store.features_at(self._store.rows_of_contents(contents))

    def verify_all(self, query: Features, contents: Sequence[str]) -> list[Verification]:
        """Compares a query with photographs of the collection, on all cores."""
        rows = self._store.rows_of_contents(contents)[:, None]

        def compare(row: np.ndarray) -> Verification:
            (candidate,) = self._store.features_at(row)
            return verify(query, candidate, self.extractor.matching)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
            return list(threads.map(compare, rows))


def verified_order(verifications: Sequence[Verification]) -> np.ndarray:
    """Places of results, best first, by where they stood and how surely they are verified.

    A place falls from 1 for the first towards 0 for the last; to it ``1 - exp(-score / 10)`` is
    added. So results move up by how surely they are verified, and of equally sure ones the one
    found first stays ahead. Certain ones need not come first: on what is ordered well already,
    putting all of them first would undo some of it.

    Returns:
        int64 ``(n,)``.
    """
    count = len(verifications)
    scores = np.array([one.score for one in verifications])
    worth = 1 - np.arange(count) / max(count, 1) + (1 - np.exp(-scores / _SURE))
    return np.argsort(-worth, kind="stable")


class VerifiedLists:
    """Reorders what photographs of known features find.

    Args:
        verifier: Of the collection.
        collection: Whose photographs are found.
        queries: Contents of those that ask, which the extractor has looked at too.
    """

    def __init__(self, verifier: Verifier, collection: Collection, queries: Sequence[str]) -> None:
        self._verifier = verifier
        self._collection = collection
        self._queries = queries

    def reordered(self, query: int, keys: np.ndarray) -> np.ndarray:
        """What one of the queries has found, best first, its first results verified.

        Args:
            query: Which, from 0.
            keys: int64 ``(n,)``, of what it has found.
        """
        first = self._collection.photographs(keys[:FIRST])["content"].to_pylist()
        (features,) = self._verifier.features_of([self._queries[query]])
        places = verified_order(self._verifier.verify_all(features, first))
        return np.concatenate([keys[places], keys[FIRST:]])


def _open_store(folder: Path, data: Sequence[str]) -> LocalFeatureStore:
    folders = [store_folder(folder, one) for one in data]
    for name, store in zip(data, folders, strict=True):
        if not store.is_dir():
            raise FileNotFoundError(
                f"{store} is missing: the local features of the index's photographs of {name}. "
                f"Find them with `{_command(folder, name)}`."
            )
    return LocalFeatureStore(folders)


def _command(folder: Path, data: str) -> str:
    name = Path(data).name
    return f"python -m pipeline.extract --model={folder} --records=tfrecords/{name}"
