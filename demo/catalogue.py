"""The indexes that the page can search, each opened when it is first asked for."""

import dataclasses
import threading
from pathlib import Path

import numpy as np

from pipeline import manifest, model_folder
from pipeline.descriptors import Descriptor, open_descriptor
from pipeline.engine import Engine
from pipeline.index import collection
from pipeline.stored_photograph import StoredPhotograph


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """An index: its folder, what the page calls it, and when it was built."""

    folder: Path
    label: str
    built: float


class Catalogue:
    """All indexes under ``exported/``, newest first.

    Args:
        exported: The folder of the models.

    Raises:
        FileNotFoundError: If there is no index.
    """

    def __init__(self, exported: Path) -> None:
        manifests = exported.glob(f"*/{model_folder.INDEXES}/*/{collection.MANIFEST}")
        folders = [path.parent for path in manifests]
        found = [_entry(folder) for folder in folders if not manifest.is_temporary(folder)]
        if not found:
            raise FileNotFoundError(
                f"{exported} holds no index to search; make one with `make demo`, or with "
                "`python -m pipeline.quickstart`."
            )
        self.entries = sorted(found, key=lambda entry: entry.built, reverse=True)
        self._engines: dict[Path, Engine] = {}
        self._descriptors: dict[Path, Descriptor] = {}
        self._lock = threading.Lock()

    def default(self) -> Entry:
        """The exact index of the model that was indexed last."""
        newest = self.entries[0].folder.parent
        same_model = [entry for entry in self.entries if entry.folder.parent == newest]
        exact = [entry for entry in same_model if entry.folder.name.endswith("-flat")]
        return (exact or same_model)[0]

    def engine(self, folder: Path) -> Engine:
        """Opens an index, once; indexes of one model share it.

        Raises:
            FileNotFoundError: If the index or its model is gone.
            ValueError: If another model filled the index.
        """
        with self._lock:
            if folder not in self._engines:
                model = folder.parent.parent
                if model not in self._descriptors:
                    self._descriptors[model] = open_descriptor(model)
                self._engines[folder] = Engine(folder, self._descriptors[model])
            return self._engines[folder]


def _entry(folder: Path) -> Entry:
    described = collection.read_manifest(folder)
    model = folder.parent.parent.name
    data = "+".join(described["settings"]["data"])
    label = f"{data} · {model} · {described['kind']} ({described['photographs']:,} photographs)"
    built = (folder / collection.MANIFEST).stat().st_mtime
    return Entry(folder=folder, label=label, built=built)


def pick_examples(engine: Engine, count: int) -> list[StoredPhotograph]:
    """Some photographs of a collection, of as many landmarks as possible, always the same."""
    keys = np.random.default_rng(0).permutation(engine.collection.keys())
    labels = engine.collection.photographs(keys)["label"].to_numpy()
    _, first_of_landmark = np.unique(labels, return_index=True)
    chosen = sorted(first for first in first_of_landmark if labels[first] >= 0)
    rest = sorted(set(range(len(keys))) - set(chosen))
    return engine.photographs(keys[[*chosen, *rest][:count]])
