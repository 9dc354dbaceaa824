"""Which collections can be searched, by which methods, and their photographs."""

import dataclasses
import functools
import logging
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from demo import folders
from demo.asking.batching import open_batching
from demo.refusals import NotFound, Unavailable
from pipeline import model_folder
from pipeline.descriptors import Descriptor
from pipeline.engine import Engine
from pipeline.index import collection
from pipeline.local_features.store import store_folder
from pipeline.stored_photograph import StoredPhotograph

_REMEMBERED = 4096  # photographs

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method:
    """An index of a model: one way to search a collection.

    Attributes:
        name: Unique, and safe in addresses: ``mine/mine-flat``.
        collection: Its data sets, joined by ``+``.
        model: Name of the model.
        kind: Of the index, such as ``flat``.
        photographs: How many it holds.
        built: When, in seconds since 1970.
        folder: Where it lies.
    """

    name: str
    collection: str
    model: str
    kind: str
    photographs: int
    built: float
    folder: Path


@dataclasses.dataclass(frozen=True)
class _Opened:
    """An engine, and the files that it was opened from."""

    files: tuple[folders.FileState, ...]
    engine: Engine


class Catalogue:
    """All methods in the folders that were named at the start; nothing else is ever opened.

    Indexes that come, go or are replaced meanwhile are noticed. Several threads may ask at a time.

    Args:
        named: Each an ``exported/``, a model folder or the folder of an index.
        count_batch: Told how many queries were described together, whenever some were.

    Raises:
        FileNotFoundError: If one is missing, or there is neither an index nor a model in any.
    """

    def __init__(
        self, named: Sequence[Path], count_batch: Callable[[int], None] = lambda _: None
    ) -> None:
        self._roots = [folders.Root(folder) for folder in named]
        self._names: dict[Path, str] = {}
        self._folders: dict[str, Path] = {}
        self._root_of: dict[Path, folders.Root] = {}
        self._methods: dict[Path, tuple[folders.FileState, Method]] = {}
        self._opened: dict[tuple[Path, str | None], _Opened] = {}
        self._descriptors: dict[Path, tuple[folders.FileState, Descriptor]] = {}
        self._count_batch = count_batch
        self._lock = threading.Lock()
        self._describing = threading.Lock()  # while a model is loaded, others are searched
        self._opening: dict[tuple[Path, str | None], threading.Lock] = {}
        self._stored = functools.lru_cache(_REMEMBERED)(_stored_photograph)
        if not self._all() and not self.models():
            raise FileNotFoundError(
                f"{', '.join(map(str, named))} holds no index to search; make one with `make "
                "demo`, or with `python -m pipeline.quickstart`."
            )

    def collections(self) -> list[str]:
        """Their names, the one that was indexed last first."""
        newest = sorted(self._all(), key=lambda method: method.built, reverse=True)
        return list(dict.fromkeys(method.collection for method in newest))

    def methods(self, collection: str) -> list[Method]:
        """Those of a collection: the exact one of the newest model first."""
        own = [method for method in self._all() if method.collection == collection]
        newest: dict[Path, float] = {}
        for method in own:
            model = method.folder.parent
            newest[model] = max(newest.get(model, 0), method.built)
        return sorted(
            own,
            key=lambda method: (
                -newest[method.folder.parent], method.kind != "flat", -method.built, method.name,
            ),
        )  # fmt: skip

    def method(self, name: str) -> Method:
        """The method of a name.

        Raises:
            NotFound: If there is none; the text names those that there are.
        """
        with self._lock:
            folder = self._folders.get(name)
        root = self._root_of.get(folder) if folder else None
        if folder and root and root.holds_index(folder) and (known := self._method(folder)):
            return known
        methods = self._all()
        for method in methods:
            if method.name == name:
                return method
        raise NotFound(f"There is no such method. There are: {', '.join(m.name for m in methods)}.")

    def models(self) -> list[Path]:
        """Folders of the exported models, in order."""
        return [folder for root in self._roots for folder in root.models()]

    def extractors(self, name: str) -> list[str]:
        """Models with local features of all photographs of a method's collection.

        Raises:
            NotFound: If there is no such method.
        """
        return list(self._extractors(self.method(name)))

    def engine(self, name: str, verify: str | None = None) -> Engine:
        """A method, opened; again where its files were replaced since.

        Who holds the one that was opened before can go on with it.

        Args:
            name: Of the method.
            verify: One of ``extractors``; None for none.

        Raises:
            NotFound: If there is no such method or extractor.
            Unavailable: If it cannot be opened; the log tells why.
        """
        method = self.method(name)
        extractor = None
        if verify is not None:
            extractor = self._extractors(method).get(verify)
            if extractor is None:
                raise NotFound(f"No stored local features of {verify!r} can verify these results.")
        key = method.folder, verify
        files = _files_of(method.folder)
        opened = self._opened.get(key)
        if opened is not None and opened.files == files:
            return opened.engine
        with self._lock:
            opening = self._opening.setdefault(key, threading.Lock())
        # One thread opens what was replaced; the others ask the old one meanwhile.
        if opened is None:
            opening.acquire()
        elif not opening.acquire(blocking=False):
            return opened.engine
        try:
            return self._open(key, extractor)
        finally:
            opening.release()

    def photograph(self, name: str, photograph: str) -> StoredPhotograph:
        """A photograph of a method's collection.

        Args:
            name: Of the method.
            photograph: Its id.

        Raises:
            NotFound: If there is no such method or photograph.
            Unavailable: If the method cannot be opened.
        """
        return self._stored(self.engine(name), photograph)

    def _open(self, key: tuple[Path, str | None], extractor: Path | None) -> Engine:
        folder = key[0]
        files = _files_of(folder)  # before opening: what is replaced meanwhile is noticed later
        opened = self._opened.get(key)
        if opened is not None and opened.files == files:
            return opened.engine
        try:
            engine = Engine(folder, self._descriptor(model_folder.of_index(folder)), extractor)
        except (ValueError, OSError) as error:
            _log.warning("%s cannot be opened: %s", folder, error)
            if opened is not None:
                return opened.engine
            raise Unavailable(
                "This collection cannot be opened now; the server's log tells why."
            ) from error
        self._opened[key] = _Opened(files, engine)
        return engine

    def _descriptor(self, model: Path) -> Descriptor:
        """That of a model, which its indexes share."""
        with self._describing:
            state = folders.state(model / model_folder.MODEL_FILE)
            known = self._descriptors.get(model)
            if known is None or known[0] != state:
                known = self._descriptors[model] = state, open_batching(model, self._count_batch)
            return known[1]

    def _extractors(self, method: Method) -> dict[str, Path]:
        data = collection.read_manifest(method.folder)["data"]
        return {
            folder.name: folder
            for folder in self.models()
            if all((store_folder(folder, one) / "manifest.json").is_file() for one in data)
        }

    def _all(self) -> list[Method]:
        found = {folder: root for root in self._roots for folder in root.indexes()}
        self._root_of = found
        methods = [method for folder in found if (method := self._method(folder))]
        with self._lock:
            present = {method.folder for method in methods}
            for key in [key for key in self._opened if key[0] not in present]:
                del self._opened[key]
        return methods

    def _method(self, folder: Path) -> Method | None:
        """What the manifest of an index says; None while there is none to read."""
        try:
            state = folders.state(folder / collection.MANIFEST)
            known = self._methods.get(folder)
            if known is not None and known[0] == state:
                return known[1]
            described = collection.read_manifest(folder)
        except (ValueError, OSError) as error:
            _log.warning("%s is not listed: %s", folder, error)
            return None
        method = Method(
            name=self._name(folder),
            collection="+".join(Path(data).name for data in described["data"]),
            model=model_folder.of_index(folder).name,
            kind=described["kind"],
            photographs=described["photographs"],
            built=(folder / collection.MANIFEST).stat().st_mtime,
            folder=folder,
        )
        self._methods[folder] = state, method
        return method

    def _name(self, folder: Path) -> str:
        with self._lock:
            if folder not in self._names:
                parts = model_folder.of_index(folder).name, folder.name
                wanted = "/".join(re.sub(r"[^\w.+-]", "-", part, flags=re.ASCII) for part in parts)
                name, number = wanted, 2
                while name in self._folders:
                    name, number = f"{wanted}-{number}", number + 1
                self._names[folder], self._folders[name] = name, folder
            return self._names[folder]


def _files_of(folder: Path) -> tuple[folders.FileState, ...]:
    model = model_folder.of_index(folder)
    try:
        return (
            folders.state(folder / collection.MANIFEST),
            folders.state(model / model_folder.MODEL_FILE),
        )
    except OSError as error:
        raise NotFound("This collection, or its model, is there no more.") from error


def _stored_photograph(engine: Engine, photograph: str) -> StoredPhotograph:
    try:
        keys = engine.collection.keys_of([photograph])
    except ValueError as error:
        raise NotFound("The collection has no such photograph.") from error
    return engine.photographs(keys)[0]


def pick_examples(engine: Engine, count: int) -> list[StoredPhotograph]:
    """Some photographs of a collection, of as many landmarks as possible, always the same."""
    keys = np.random.default_rng(0).permutation(engine.collection.keys())
    labels = engine.collection.photographs(keys)["label"].to_numpy()
    _, first_of_landmark = np.unique(labels, return_index=True)
    chosen = sorted(first for first in first_of_landmark if labels[first] >= 0)
    rest = sorted(set(range(len(keys))) - set(chosen))
    return engine.photographs(keys[[*chosen, *rest][:count]])
