"""The embedding job: shards of photographs in, pairs of files out."""

import collections
import concurrent.futures
import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.embeddings.description import DescribedShard, Describer, describe_shards
from pipeline.embeddings.destination import LAYOUT, require_own_folder
from pipeline.embeddings.pairs import Pairs
from pipeline.embeddings.photographs import Photographs
from pipeline.embeddings.plan import Plan, plan
from pipeline.progress import progress_bar

_WAITING = 2  # described shards that may wait to be written


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be described, by which model, and where that goes.

    Attributes:
        layout: Of the files.
        photographs: What is to be described.
        model: Folder of an exported model.
        load: Loads the model, a function that other processes know by its name.
        fingerprint: Of the model.
        dimension: Of its vectors.
        output: Folder of the files, wherever TensorFlow reaches.
        batch: Photographs a batch.
        told: What the manifest says besides.
    """

    layout: Pairs
    load: Callable[[Path], Describer]
    photographs: Photographs
    model: Path
    fingerprint: str
    dimension: int
    output: str
    batch: int
    told: dict[str, Any] = dataclasses.field(default_factory=dict)

    def write(self, described: DescribedShard, pair: int) -> tuple[int, dict[str, Any]]:
        """Writes the pair of files of a shard.

        Returns:
            The place of the shard, and what its pair says of itself.
        """
        entry = described.entry(pair, self.photographs, self.fingerprint)
        self.layout.write_pair(self.output, pair, described.array, described.rows, entry)
        return described.place, entry


# Describes and writes the pending shards of a plan. It yields how many photographs are done since
# the last time, and of each finished pair the place of its shard and what it says of itself.
Run = Callable[[Job, Plan], Iterator[int | tuple[int, dict[str, Any]]]]


def run_job(job: Job, run: Run, *, overwrite: bool) -> dict[str, Any]:
    """Describes the shards that are not finished.

    Args:
        job: What is to be done.
        run: On which machines.
        overwrite: Whether what is there is removed first.

    Returns:
        The manifest, which is written last.

    Raises:
        ValueError: If another model, or photographs elsewhere, have begun this output, or
            something else lies in their folder.
        OSError: If a file cannot be read or written.
    """
    with _telling_how_to_go_on(" without --overwrite" if overwrite else ""):
        require_own_folder(job.layout, job.output)
        if overwrite:
            job.layout.remove_all(job.output)
        return _run_what_is_pending(job, run)


@contextlib.contextmanager
def _telling_how_to_go_on(how: str) -> Iterator[None]:
    """Adds to what a file system says, as of a full disk, that nothing is lost."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # this program's own, which say it
            raise
        raise OSError(
            f"{error}. Mend that (a full disk, a mount that is lost or read-only), then run the "
            f"command again{how}: it goes on."
        ) from error


def _run_what_is_pending(job: Job, run: Run) -> dict[str, Any]:
    planned = plan(job.layout, job.output, job.photographs, job.model, job.fingerprint)
    entries = {place: _renamed(job, place, entry) for place, entry in planned.finished.items()}
    if planned.pending:
        job.layout.remove_manifest(job.output)
    sizes = [len(shard.numbers) for shard in job.photographs.shards]
    done = sum(sizes) - sum(sizes[place] for place in planned.pending)
    with progress_bar("Describing", unit="photographs", total=sum(sizes), done=done) as bar:
        for one in run(job, planned) if planned.pending else ():
            if isinstance(one, int):
                bar.update(one)
            else:
                entries[one[0]] = one[1]
    for number in set(job.layout.numbers_in(job.output)) - set(planned.pairs):
        job.layout.remove_pair(job.output, number)
    return _write_manifest(job, [entries[place] for place in range(len(sizes))])


def run_here(job: Job, planned: Plan) -> Iterator[int | tuple[int, dict[str, Any]]]:
    """Describes on this machine: while one shard is written the next are described."""
    describer = job.load(job.model)
    writing: collections.deque[concurrent.futures.Future[tuple[int, dict[str, Any]]]]
    writing = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(1) as writer:
        for one in describe_shards(job.photographs, planned.pending, describer, job.batch):
            if isinstance(one, int):
                yield one
                continue
            writing.append(writer.submit(job.write, one, planned.pairs[one.place]))
            if len(writing) > _WAITING:
                yield writing.popleft().result()
        for written in writing:
            yield written.result()


def _renamed(job: Job, place: int, entry: dict[str, Any]) -> dict[str, Any]:
    """What a finished pair says of itself, once it tells where its photographs lie now."""
    shard = job.photographs.shards[place]
    now = entry | {"shard": shard.name, "source": job.photographs.source}
    if now != entry:
        job.layout.remove_manifest(job.output)
        rows = job.photographs.rename(shard, job.layout.read_rows(job.output, entry["pair"]))
        job.layout.write_rows(job.output, entry["pair"], rows, now)
    return now


def _write_manifest(job: Job, entries: list[dict[str, Any]]) -> dict[str, Any]:
    content = {
        "model_fingerprint": job.fingerprint,
        "dimension": job.dimension,
        LAYOUT: job.layout.name,
        **job.told,
        "source": job.photographs.source,
        "photographs": sum(entry["photographs"] for entry in entries),
        "skipped": job.photographs.left_out + sum(len(entry["skipped"]) for entry in entries),
        "lost": job.photographs.lost,
        "shards": sorted(entries, key=lambda entry: entry["pair"]),
    }
    job.layout.write_manifest(job.output, content)
    return content
