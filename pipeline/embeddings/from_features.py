"""Photographs described by visual words of the local features that are stored of them.

Finding the features is most of the work: several vocabularies over one extractor need it once.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import descriptions, model_folder
from pipeline.data import batching
from pipeline.descriptions import Descriptions
from pipeline.embeddings.description import DescribedShard, stored, with_columns
from pipeline.embeddings.job import Job, Run
from pipeline.embeddings.pairs import METADATA
from pipeline.embeddings.plan import Plan
from pipeline.local_features import coding
from pipeline.local_features.store import FEATURES
from pipeline.words import folder as words_folder
from pipeline.words.folder import OpenedWords


def run_from_features(model: Path, features: Path) -> Run:
    """What describes photographs by stored features of theirs, see ``Run``.

    Descriptions are those that the photographs themselves give, to the bit.

    Args:
        model: Folder of a model of visual words.
        features: Folder of the local features of the same photographs,
            ``exported/EXTRACTOR/local_features/NAME``.

    Raises:
        FileNotFoundError: If the model or the features are missing.
        ValueError: If the model is another kind's, or describes by features of another extractor.
    """
    described = model_folder.read_model_file(model)
    if described["kind"] != words_folder.KIND:
        raise ValueError(
            f"{model} describes photographs, not local features; leave --features out. Only models "
            "that `python -m pipeline.learn_words` makes describe these."
        )
    words = words_folder.open_parts(model, described)
    told = FEATURES.read_manifest(features)
    if told["model_fingerprint"] != words.extractor.fingerprint:
        raise ValueError(
            f"{features} holds features of another extractor, or another --most, than {model} "
            f"describes by: {told['model_fingerprint'][:12]}, not "
            f"{words.extractor.fingerprint[:12]}. Find those of its own extractor, with "
            f"--most={words.extractor.most}, or leave --features out."
        )
    entries = {entry["sha256"]: entry for entry in told["shards"]}

    def run(job: Job, planned: Plan) -> Iterator[int | tuple[int, dict[str, Any]]]:
        _require_all(job, planned, features, entries)
        for place in planned.pending:
            shard = job.photographs.shards[place]
            found = yield from _described(job, place, features, entries[shard.fingerprint], words)
            yield job.write(found, planned.pairs[place])

    return run


def _require_all(job: Job, planned: Plan, features: Path, entries: dict[str, Any]) -> None:
    shards = [job.photographs.shards[place] for place in planned.pending]
    missing = [shard.name for shard in shards if shard.fingerprint not in entries]
    if missing:
        raise ValueError(
            f"{features} has no local features of {len(missing)} shards as they are now, "
            f"{missing[0]} for one; find them with `{FEATURES.command}`, or leave --features out."
        )


def _described(
    job: Job, place: int, features: Path, entry: dict[str, Any], words: OpenedWords
) -> Generator[int, None, DescribedShard]:
    """Describes a shard, telling of each batch how many photographs it was of.

    Returns:
        The shard.

    Raises:
        ValueError: If its features are of another run than their manifest.
    """
    if FEATURES.read_entry(features, entry["pair"]) != entry:
        raise ValueError(FEATURES.of_another_run(features, entry["pair"]))
    rows = FEATURES.read_rows(features, entry["pair"])
    counts = rows["features"].to_numpy()
    array = FEATURES.read_array(features, entry["pair"], int(counts.sum()))
    sides = list(zip(rows["height"].to_pylist(), rows["width"].to_pylist(), strict=True))
    ends = np.cumsum(counts)
    parts: list[Descriptions] = [words.aggregator.none]
    for batch in batching.in_batches(np.arange(len(rows)), job.batch):
        for one in batch.tolist():
            of_one = array[ends[one] - counts[one] : ends[one]]
            parts.append(words.aggregator.describe(coding.decode(of_one, sides[one])))
        yield len(batch)
    whole, columns = stored(descriptions.concatenate(parts))
    known = job.photographs.rename(job.photographs.shards[place], rows.select(METADATA.names))
    return DescribedShard(
        place=place, array=whole, rows=with_columns(known, columns), skipped=entry["skipped"]
    )
