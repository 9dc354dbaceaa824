"""Adds photographs to an index, removes some, or replaces them.

    python -m pipeline.update_index --index=exported/MODEL/indexes/NAME-flat --add=MORE
    python -m pipeline.update_index --index=exported/MODEL/indexes/NAME-flat --remove=ID,ID

``--add`` names data sets that the model has described, such as those that have grown: what the
index holds already is passed over. Readers see the index as it was or as it becomes; an
interrupted change has not taken place.
"""

import dataclasses
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import command_line, descriptions, line_list, model_folder
from pipeline.command_line import setting
from pipeline.embeddings.data_sets import with_own_ids
from pipeline.embeddings.files import open_embeddings
from pipeline.index import collection
from pipeline.index.interface import Change

_ADDED_AT_ONCE = 65_536  # vectors


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which index, and what changes."""

    index: Path = setting("Folder of an index, exported/MODEL/indexes/NAME.")
    add: tuple[str, ...] = setting(
        "Data sets that the model has described. Photographs that the index does not hold are "
        "added, those that have changed under their id are replaced.",
        default=(),
    )
    remove: tuple[str, ...] = setting("Ids of photographs to remove, comma-separated.", default=())
    remove_list: Path | None = setting(
        "A file of such ids, one a line; - for standard input.", default=None
    )

    def __post_init__(self) -> None:
        """Checks that something is to be done."""
        if not (self.add or self.remove or self.remove_list):
            raise ValueError("Name what to --add or to --remove.")


@dataclasses.dataclass(kw_only=True)
class Outcome:
    """How many photographs were added, replaced, removed, held already, and are held now."""

    added: int = 0
    replaced: int = 0
    removed: int = 0
    held: int = 0
    photographs: int = 0


def update_index(settings: Settings) -> Outcome:
    """Changes an index, all of it or nothing; removes first.

    Raises:
        FileNotFoundError: If the index, the embeddings or the list of ids are missing.
        ValueError: If they were made by another model than the index, an id is not there, or
            something is to be added to augmented vectors.
        BlockingIOError: If another process changes the index.
    """
    model = model_folder.of_index(settings.index)
    outcome = Outcome()
    with collection.changing(settings.index) as change:
        fingerprint = change.now().manifest["model_fingerprint"]
        model_folder.require_made_by(model, settings.index, fingerprint)
        augmentation = change.now().manifest.get("augmentation")
        if settings.add and augmentation:
            raise ValueError(
                f"{settings.index} is of augmented vectors, and what comes new would change those "
                "of its neighbours; build it again with `python -m pipeline.build_index "
                f"--augment={augmentation['neighbours']} --alpha={augmentation['alpha']:g} "
                "--overwrite`. --remove is possible."
            )
        ids = _ids_to_remove(settings)
        if ids:
            change.remove(ids)
            outcome.removed = len(ids)
        for name in settings.add:
            _add(change, model, name, outcome)
        outcome.photographs = len(change.now())
        if outcome.added or outcome.replaced or outcome.removed:
            change.describe(**{collection.CHANGED: time.strftime("%Y-%m-%dT%H:%M:%S%z")})
    return outcome


def _ids_to_remove(settings: Settings) -> list[str]:
    if settings.remove_list is None:
        return list(dict.fromkeys(settings.remove))
    listed = line_list.read_ids("remove_list", str(settings.remove_list))
    return list(dict.fromkeys([*settings.remove, *listed]))


def _add(change: Change, model: Path, name: str, outcome: Outcome) -> None:
    """Adds what a data set has that the index has not, and replaces what has changed."""
    before = change.now()
    data = before.manifest["data"]
    data = data if name in data else [*data, name]
    # All data sets together, so that labels are those of an index built of all.
    stored = open_embeddings([model_folder.embeddings(model, one) for one in data])
    if stored.model_fingerprint != before.manifest["model_fingerprint"]:
        raise ValueError(
            f"The data set {name} was described by the model {stored.model_fingerprint[:12]}, the "
            f"index was filled by {before.manifest['model_fingerprint'][:12]}; describe it with "
            "`python -m pipeline.embed`."
        )
    held = before.photographs(before.keys())
    metadata = stored.metadata
    is_own = pc.equal(metadata["data"], Path(name).name).to_numpy()
    own = held.filter(pc.equal(held["data"], Path(name).name))
    places = pc.index_in(metadata["id"], own["id"])
    is_there = is_own & places.is_valid().to_numpy()
    has_changed = is_there & ~_as_held(metadata, own, places)
    is_known = pc.is_in(metadata["content"], value_set=held["content"]).to_numpy()
    is_new = is_own & ~is_there & ~is_known
    replaced = np.flatnonzero(has_changed)
    added = np.flatnonzero(is_new)
    new = with_own_ids(metadata.take(added), before.ids() if len(added) else ())
    for put, rows, table in (
        (change.replace, replaced, metadata.take(replaced)),
        (change.add, added, new),
    ):
        start = 0
        for vectors in _gathered(stored.take(rows)):
            put(vectors, table.slice(start, len(vectors)))
            start += len(vectors)
    change.describe(data=data, shards=stored.shards)
    outcome.added += len(added)
    outcome.replaced += len(replaced)
    outcome.held += int(is_own.sum()) - len(added) - len(replaced)


def _gathered(blocks: Iterable[Any]) -> Iterator[Any]:
    """The same vectors in larger blocks, as the ids of each are compared with all that are held."""
    waiting: list[Any] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= _ADDED_AT_ONCE:
            yield descriptions.concatenate(waiting)
            waiting = []
    if waiting:
        yield descriptions.concatenate(waiting)


def _as_held(metadata: pa.Table, held: pa.Table, places: pa.Array) -> np.ndarray:
    """Which rows say what is held under their ids, bool ``(rows,)``; True where nothing is held."""
    same = np.ones(len(metadata), bool)
    if len(held):
        there = held.take(pc.fill_null(places, 0))
        for column in held.schema.names:
            same &= pc.equal(metadata[column], there[column]).to_numpy()
    return same


def main(settings: Settings) -> None:
    """Changes the index and prints what has changed."""
    outcome = update_index(settings)
    print(
        f"{settings.index}: {outcome.added} added, {outcome.replaced} replaced, {outcome.removed} "
        f"removed, {outcome.held} were there already; {outcome.photographs} photographs"
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
