"""The embedding job on many machines: an actor describes a shard and writes its pair itself.

What goes over the network is where the photographs are; neither they nor their vectors do. So the
model, the photographs and the output have to be where every node sees them.
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.cluster import run_on_cluster
from pipeline.embeddings.description import Describer, describe_shard
from pipeline.embeddings.job import Job, Run
from pipeline.embeddings.plan import Plan
from pipeline.progress import logger


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardJob:
    """The part of a job that is one shard.

    Attributes:
        place: Of the shard in the whole job.
        pair: The number of its pair of files.
        job: The job, of this shard alone.
    """

    place: int
    pair: int
    job: Job


def on_cluster(address: str, cores: int) -> Run:
    """Describes on the machines of a Ray cluster.

    Args:
        address: ``auto``, or HOST:PORT of its head.
        cores: Cores an actor.
    """

    def run(job: Job, planned: Plan) -> Iterator[int | tuple[int, dict[str, Any]]]:
        load = functools.partial(
            load_describer, job.load, Path(os.path.abspath(job.model)), job.fingerprint
        )
        parts = _parts(job, planned)
        for place, entry in run_on_cluster(address, cores, load, parts):
            for left_out in entry["skipped"]:
                where, reason = left_out["photograph"], left_out["reason"]
                logger.warning("Left out the photograph at %s: %s.", where, reason)
            yield len(job.photographs.shards[place].numbers)
            yield place, entry

    return run


def _parts(job: Job, planned: Plan) -> Iterator[tuple[str, ShardJob]]:
    """The pending shards, and their names.

    A pair that is there already is removed first, so that one found whole is of this run.
    """
    there = set(job.layout.numbers_in(job.output))
    output = os.path.abspath(job.output) if storage.is_local(job.output) else job.output
    for place in planned.pending:
        pair = planned.pairs[place]
        if pair in there:
            job.layout.remove_pair(output, pair)
        alone = dataclasses.replace(job, photographs=job.photographs.only(place), output=output)
        yield job.photographs.shards[place].name, ShardJob(place=place, pair=pair, job=alone)


def load_describer(
    load: Callable[[Path], Describer], model: Path, fingerprint: str
) -> Callable[[ShardJob], tuple[int, dict[str, Any]]]:
    """Loads the model, once an actor.

    Raises:
        FileNotFoundError: If this node does not see it.
        ValueError: If it sees another.
    """
    describer = load(model)
    if describer.fingerprint != fingerprint:
        raise ValueError(
            f"{model} is {describer.fingerprint[:12]} on a node and {fingerprint[:12]} where the "
            "job was started; put the model where all nodes see the same."
        )
    return functools.partial(describe_part, describer)


def describe_part(describer: Describer, part: ShardJob) -> tuple[int, dict[str, Any]]:
    """Describes a shard and writes its pair, unless an actor that was lost since has done so.

    Returns:
        The place of the shard in the whole job, and what its pair says of itself.
    """
    job = part.job
    written = job.layout.read_entry(job.output, part.pair)
    if written is not None and written["sha256"] == job.photographs.shards[0].fingerprint:
        return part.place, written
    described = describe_shard(job.photographs, 0, describer, job.batch)
    _, entry = job.write(described, part.pair)
    return part.place, entry
