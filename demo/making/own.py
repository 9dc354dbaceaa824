"""Collections that were made on the page, where their parts lie, and the commands that change them.

Their photographs lie below ``FOLDER/photographs/NAME``; embeddings and indexes lie in the folders
of the models, as those of any data set, so that every stage and the search page find them.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from demo.making.job import Job, Step
from demo.making.photographs import Baskets, PhotographFolder
from demo.refusals import NotFound, Refused
from demo.texts import Collections
from pipeline import manifest, model_folder
from pipeline.embeddings import files
from pipeline.index import collection

_SHOWN = 3  # photographs that were left out, by name


class OwnCollections:
    """What lies where, of the collections made here.

    Args:
        folder: Of the photographs, one sub-folder a collection.
        baskets: What was sent.
        models: Gives the folders of the models that may describe.
        allowed: Folders whose photographs may be linked.
    """

    def __init__(
        self,
        folder: Path,
        baskets: Baskets,
        models: Callable[[], Iterable[Path]],
        allowed: Sequence[Path] = (),
    ) -> None:
        self._folder, self._baskets, self._models = folder, baskets, models
        self._allowed = [path.resolve() for path in allowed]

    def names(self) -> list[str]:
        """Of all of them, in order."""
        paths = sorted(self._folder.glob("*"))
        return [path.name for path in paths if path.is_dir() and not manifest.is_temporary(path)]

    def models(self) -> dict[str, Path]:
        """Those that describe a photograph as a whole, by name."""
        found: dict[str, Path] = {}
        for folder in self._models():
            try:
                described = model_folder.read_model_file(folder)
                model_folder.require_global_descriptor(folder, described)
            except (ValueError, OSError):
                continue
            found.setdefault(folder.name, folder.resolve())
        return found

    def folders(self) -> dict[str, Path]:
        """Folders whose photographs may be linked, by the names that they are chosen by.

        The allowed ones and, two levels down, what lies in them.
        """
        found: dict[str, Path] = {}
        for top in self._allowed:
            inner = [path for pattern in ("*", "*/*") for path in sorted(top.glob(pattern))]
            for path in [top, *inner]:
                is_hidden = any(part.startswith(".") for part in path.relative_to(top).parts)
                if path.is_dir() and not is_hidden and path == path.resolve():  # no link
                    found.setdefault(path.relative_to(top.parent).as_posix(), path)
        return found

    def is_allowed(self, folder: str) -> bool:
        """Whether a folder is there and lies in an allowed one; "" is none."""
        path = Path(folder).resolve()
        return bool(folder) and path.is_dir() and any(map(path.is_relative_to, self._allowed))

    def photographs(self, name: str) -> PhotographFolder:
        """Those of a collection.

        Raises:
            NotFound: If it was not made here.
        """
        if name not in self.names():
            raise NotFound(Collections.NOT_OWN)
        return PhotographFolder(self._folder / name)

    def is_taken(self, name: str) -> bool:
        """Whether a data set of that name is there already, made here or not."""
        named = (path / model_folder.EMBEDDINGS / name for path in self._models())
        return name in self.names() or any(path.exists() for path in named)

    def described_by(self, name: str) -> list[Path]:
        """Models that have described a collection, or begun to."""
        found = self.models().values()
        return [path for path in found if Path(model_folder.embeddings(path, name)).is_dir()]

    def indexes(self, name: str) -> list[Path]:
        """Folders of the indexes of a collection, alone."""
        found = []
        for model in self.models().values():
            for path in sorted((model / model_folder.INDEXES).glob(f"*/{collection.MANIFEST}")):
                if manifest.is_temporary(path.parent):
                    continue
                if collection.read_manifest(path.parent)["data"] == [name]:
                    found.append(path.parent)
        return found

    def steps(self, job: Job) -> list[Step]:
        """The commands of a job, the photographs being put where they read them.

        Raises:
            Refused: If nothing is left to be done.
            OSError: If photographs cannot be moved or linked.
        """
        folder = PhotographFolder(self._folder / job.collection)
        if job.basket and job.basket in self._baskets:
            folder.take(self._baskets.of(job.basket))
        if job.folder:
            folder.link(Path(job.folder), self._allowed_above(Path(job.folder)))
        if job.task in ("make", "index"):
            model = self.models().get(job.model)
            if model is None:
                raise NotFound(Collections.NO_MODEL)
            return [self._embed(model, job.collection), _build(model, job.collection, job.kind)]
        if job.task == "add":
            models = self.described_by(job.collection)
            return [step for model in models for step in self._add(model, job.collection)]
        return self._remove(job)

    def outcome(self, job: Job) -> str:
        """What came of a job: how many photographs can be searched, and what was left out."""
        held = max(
            (collection.read_manifest(one)["photographs"] for one in self.indexes(job.collection)),
            default=0,
        )
        skipped: dict[str, str] = {}
        for model in self.described_by(job.collection) if job.task != "remove" else ():
            told = files.read_manifest(model_folder.embeddings(model, job.collection))
            for one in (one for shard in told["shards"] for one in shard["skipped"]):
                skipped[Path(one["photograph"]).name] = one["reason"]
        return Collections.outcome(held, len(skipped), list(skipped.items())[:_SHOWN])

    def delete(self, name: str) -> None:
        """Removes a collection: its indexes, its descriptions, what was sent for it.

        Photographs that were linked stay where they are.

        Raises:
            NotFound: If it was not made here.
        """
        own = self.photographs(name)
        for index in self.indexes(name):
            manifest.remove(index)
        for model in self.described_by(name):
            manifest.remove(Path(model_folder.embeddings(model, name)))
        manifest.remove(own.folder)

    def _allowed_above(self, folder: Path) -> Path:
        """The allowed folder that another lies in.

        Raises:
            Refused: If there is none.
        """
        above = [top for top in self._allowed if folder.resolve().is_relative_to(top)]
        if not above:
            raise Refused(Collections.NOT_ALLOWED)
        return above[0]

    def _embed(self, model: Path, name: str) -> Step:
        photos = (self._folder / name).resolve()
        command = ("pipeline.embed", f"--model={model}", f"--photos={photos}", f"--name={name}")
        return Step(said=Collections.DESCRIBING.format(model=model.name), command=command)

    def _add(self, model: Path, name: str) -> list[Step]:
        own = [one for one in self.indexes(name) if model_folder.of_index(one) == model]
        steps = [self._embed(model, name)]
        for index in own:
            command = ("pipeline.update_index", f"--index={index}", f"--add={name}")
            steps.append(Step(said=Collections.ADDING, command=command))
        return steps

    def _remove(self, job: Job) -> list[Step]:
        """Removes files, then has them removed from every index that still holds them."""
        steps: list[Step] = []
        paths: set[str] = set()
        for index in self.indexes(job.collection):
            opened = collection.load_collection(index)
            rows = opened.photographs(opened.keys()).select(["id", "shard"])
            rows = rows.filter(pc.is_in(rows["id"], value_set=pa.array(job.ids, pa.string())))
            if not len(rows):
                continue
            paths.update(rows["shard"].to_pylist())
            ids = ",".join(rows["id"].to_pylist())  # hexadecimal digits
            command = ("pipeline.update_index", f"--index={index}", f"--remove={ids}")
            steps.append(Step(said=Collections.REMOVING, command=command))
        PhotographFolder((self._folder / job.collection).resolve()).remove(sorted(map(Path, paths)))
        return steps


def _build(model: Path, name: str, kind: str) -> Step:
    wanted = (f"--kind={kind}",) if kind else ()
    command = ("pipeline.build_index", f"--model={model}", f"--data={name}", *wanted)
    said = Collections.COMPARING if kind == "auto" else Collections.INDEXING
    return Step(said=said, command=command)
