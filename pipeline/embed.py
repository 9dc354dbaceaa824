r"""Describes photographs with an exported model.

    python -m pipeline.embed --model=exported/MODEL --records=tfrecords/NAME
    python -m pipeline.embed --model=exported/MODEL --photos=DIR
    python -m pipeline.embed --model=exported/WORDS --records=tfrecords/NAME \
      --features=exported/EXTRACTOR/local_features/NAME
    find DIR -name '*.jpg' | python -m pipeline.embed --model=exported/MODEL --photos=- --name=NAME
    python -m pipeline.embed --model=exported/MODEL --records=tfrecords/NAME --cluster=auto

Writes ``exported/MODEL/embeddings/NAME``, a pair of files for every record shard, or for up to a
thousand photographs that are files. An interrupted run goes on with the first that is not finished.
Visual words take the local features that ``pipeline.extract`` has found already, if ``--features``
names them, instead of looking at the photographs again.
``docs/scale.md`` tells how a Ray cluster shares the work.
"""

import dataclasses
import os
from pathlib import Path

from pipeline import command_line, model_folder, storage
from pipeline.command_line import setting
from pipeline.embeddings import files
from pipeline.embeddings.description import VectorDescriber
from pipeline.embeddings.from_features import run_from_features
from pipeline.embeddings.job import Job, run_job
from pipeline.embeddings.job_settings import JobSettings, open_photographs, runner


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(JobSettings):
    """Which model describes which photographs."""

    features: Path | None = setting(
        "Local features of the same photographs, exported/EXTRACTOR/local_features/NAME: a model "
        "of visual words describes by these, to the bit as by the photographs, and sooner.",
        default=None,
    )
    output: str | None = setting(
        "Folder of the embeddings, if not that one: of any file system that TensorFlow reaches, "
        "such as gs://BUCKET/NAME.",
        default=None,
    )

    def __post_init__(self) -> None:
        """Checks ranges and what cannot go together."""
        super().__post_init__()
        if self.output == "":
            raise ValueError("--output is empty; name a file or a folder.")
        if self.name is not None and self.output is not None:
            raise ValueError("--name has no effect with --output.")
        if self.output is None:
            self.require_own_name()
        if self.features is not None and self.cluster is not None:
            raise ValueError("--features are read on one machine; leave --cluster out.")

    @property
    def folder(self) -> str:
        """Folder of the embeddings."""
        if self.output is not None:
            return os.path.expanduser(self.output)
        return storage.join(self.model, model_folder.EMBEDDINGS, self.require_own_name())


def embed(settings: Settings) -> str:
    """Describes the photographs of all shards that are not finished yet.

    Damaged photographs are left out and listed in the manifest.

    Returns:
        The embeddings' folder.

    Raises:
        FileNotFoundError: If the model or the photographs are missing.
        ValueError: If the model has no global descriptor, another model, or photographs elsewhere,
            have begun these embeddings, something else lies in their folder, or there is nothing to
            describe; if Ray is needed and not installed; as ``run_from_features`` does.
        OSError: If a file cannot be written, or the cluster fails.
    """
    if settings.features is None:
        run = runner(settings)
    else:
        run = run_from_features(settings.model, settings.features)
    photographs = open_photographs(settings)
    described = model_folder.read_model_file(settings.model)
    model_folder.require_global_descriptor(settings.model, described)
    job = Job(
        layout=files.layout_of(described),
        load=VectorDescriber.open,
        photographs=photographs,
        model=settings.model,
        fingerprint=described["fingerprint"],
        dimension=described["dimension"],
        output=settings.folder,
        batch=settings.batch_size,
        told=files.told_of(described),
    )
    run_job(job, run, overwrite=settings.overwrite)
    return job.output


def main(settings: Settings) -> None:
    """Describes the photographs and prints how many."""
    output = embed(settings)
    content = files.read_manifest(output)
    print(
        f"{output}: {content['photographs']} vectors of {content['dimension']}, "
        f"{content['skipped']} photographs skipped"
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
