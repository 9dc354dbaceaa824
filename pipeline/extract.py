"""Finds the local features of photographs with a model that has some.

    python -m pipeline.extract --model=exported/MODEL --records=tfrecords/NAME
    python -m pipeline.extract --model=exported/MODEL --photos=DIR

Writes ``exported/MODEL/local_features/NAME``, a pair of files for every record shard, or for up to
a thousand photographs that are files. An interrupted run goes on with the first that is not
finished. Visual words are learned from what it finds, and results of a search verified with it.
"""

import dataclasses
import functools

from pipeline import command_line
from pipeline.command_line import setting
from pipeline.embeddings.job import Job, run_job
from pipeline.embeddings.job_settings import JobSettings, open_photographs, runner
from pipeline.local_features.describer import FeatureDescriber
from pipeline.local_features.extractor import MOST, open_extractor
from pipeline.local_features.store import FEATURES, store_folder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(JobSettings):
    """Which model looks at which photographs, and how closely."""

    most: int = setting(
        "Features of a photograph at most, the best of them. Stores of different numbers are as "
        "of different models.",
        default=MOST,
    )

    def __post_init__(self) -> None:
        """Checks ranges and what cannot go together."""
        super().__post_init__()
        command_line.require_at_least(self, most=1)
        self.require_own_name()

    @property
    def folder(self) -> str:
        """Folder of the local features."""
        return str(store_folder(self.model, self.require_own_name()))


def extract(settings: Settings) -> str:
    """Finds the local features of all shards that are not finished yet.

    Damaged photographs are left out and listed in the manifest.

    Returns:
        The folder of the local features.

    Raises:
        FileNotFoundError: If the model or the photographs are missing.
        ValueError: If the model has no local features, another model or number of features, or
            photographs elsewhere, have begun this store, something else lies in its folder, or
            there is nothing to look at; if Ray is needed and not installed.
        OSError: If a file cannot be written, or the cluster fails.
    """
    run = runner(settings)
    photographs = open_photographs(settings)
    extractor = open_extractor(settings.model, settings.most)
    job = Job(
        layout=FEATURES,
        load=functools.partial(FeatureDescriber.open, most=settings.most),
        photographs=photographs,
        model=settings.model,
        fingerprint=extractor.fingerprint,
        dimension=extractor.dimension,
        output=settings.folder,
        batch=settings.batch_size,
        told={"most": settings.most, "longest_side": extractor.longest_side},
    )
    run_job(job, run, overwrite=settings.overwrite)
    return job.output


def main(settings: Settings) -> None:
    """Finds the features and prints of how many photographs."""
    output = extract(settings)
    content = FEATURES.read_manifest(output)
    print(
        f"{output}: local features of {content['photographs']} photographs, {content['skipped']} "
        "photographs skipped"
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
