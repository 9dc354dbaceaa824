"""Describes photographs with an exported model.

    python -m pipeline.embed --model=exported/MODEL --records=tfrecords/NAME
    python -m pipeline.embed --model=exported/MODEL --photos=DIR
    find DIR -name '*.jpg' | python -m pipeline.embed --model=exported/MODEL --photos=- --name=NAME
    python -m pipeline.embed --model=exported/MODEL --records=tfrecords/NAME --cluster=auto

Writes ``exported/MODEL/embeddings/NAME``, a pair of files for every record shard, or for up to a
thousand photographs that are files. An interrupted run goes on with the first that is not finished.
``docs/scale.md`` tells how a Ray cluster shares the work.
"""

import dataclasses
import os
from pathlib import Path

from pipeline import command_line, line_list, model_folder, storage
from pipeline.command_line import setting
from pipeline.data.record_table import open_records
from pipeline.embeddings import files, found_files
from pipeline.embeddings.job import Job, Run, run_here, run_job
from pipeline.embeddings.photographs import Photographs, RecordedPhotographs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which model describes which photographs."""

    model: Path = setting("Folder of an exported model, exported/MODEL.")
    records: Path | None = setting("Folder of records, tfrecords/NAME.", default=None)
    photos: str | None = setting(
        "Instead of records: a folder of photographs, one sub-folder a landmark or all in one; one "
        "photograph; or - for the paths that standard input lists, one a line.",
        default=None,
    )
    ids: str | None = setting(
        "File of the ids to describe, of those in --records, one a line; - for standard input.",
        default=None,
    )
    name: str | None = setting(
        "Name of the embeddings, exported/MODEL/embeddings/NAME; by default the folder's.",
        default=None,
    )
    output: str | None = setting(
        "Folder of the embeddings, if not that one: of any file system that TensorFlow reaches, "
        "such as gs://BUCKET/NAME.",
        default=None,
    )
    batch_size: int = setting("Photographs a batch; affects speed only.", default=32)
    cluster: str | None = setting(
        "Describe on the machines of a Ray cluster: auto for the one that this machine is a node "
        "of, or HOST:PORT of its head. Model, photographs and output have to be where all nodes "
        "see them.",
        default=None,
    )
    cluster_cores: int = setting(
        "Cores of each process that describes on the cluster; a GPU each, where there are any.",
        default=2,
    )
    overwrite: bool = setting(
        "Remove what is there, finished or not, and begin anew. If that is interrupted, run again "
        "without it: it goes on.",
        default=False,
    )

    def __post_init__(self) -> None:
        """Checks ranges and what cannot go together."""
        command_line.require_at_least(self, batch_size=1, cluster_cores=1)
        if self.cluster is None:
            command_line.require_default(self, "one machine; pass --cluster", "cluster_cores")
        if (self.records is None) == (self.photos is None):
            raise ValueError("Pass either --records=tfrecords/NAME or --photos=DIR.")
        if self.ids is not None and self.records is None:
            raise ValueError("--ids are those of --records=tfrecords/NAME.")
        for name in ("photos", "ids", "output"):
            if getattr(self, name) == "":
                raise ValueError(f"--{name} is empty; name a file or a folder.")
        if self.name is not None and self.output is not None:
            raise ValueError("--name has no effect with --output.")
        if self.name is not None and (self.name in ("", ".", "..") or "/" in self.name):
            raise ValueError(f"--name is a name without a folder. Received: {self.name!r}.")
        if self.output is None and not (self.name or self._own_name):
            raise ValueError("Pass --name=NAME: what is to be described has no name of its own.")

    @property
    def _own_name(self) -> str:
        """The name of what is described; a list has none."""
        if self.ids is not None or self.photos == line_list.STANDARD_INPUT:
            return ""
        source = self.records if self.records is not None else Path(self.photos or "").expanduser()
        return source.resolve().name  # of "." too

    @property
    def folder(self) -> str:
        """Folder of the embeddings."""
        if self.output is not None:
            return os.path.expanduser(self.output)
        name = self.name or self._own_name
        return storage.join(self.model, model_folder.EMBEDDINGS, name)


def embed(settings: Settings) -> str:
    """Describes the photographs of all shards that are not finished yet.

    Damaged photographs are left out and listed in the manifest.

    Returns:
        The embeddings' folder.

    Raises:
        FileNotFoundError: If the model or the photographs are missing.
        ValueError: If the model has no global descriptor, another model, or photographs elsewhere,
            have begun these embeddings, something else lies in their folder, or there is nothing to
            describe; if Ray is needed and not installed.
        OSError: If a file cannot be written, or the cluster fails.
    """
    run = _runner(settings)
    photographs = _open(settings)
    described = model_folder.read_model_file(settings.model)
    model_folder.require_global_descriptor(settings.model, described)
    job = Job(
        photographs=photographs,
        model=settings.model,
        fingerprint=described["fingerprint"],
        dimension=described["dimension"],
        output=settings.folder,
        batch=settings.batch_size,
    )
    run_job(job, run, overwrite=settings.overwrite)
    return job.output


def _runner(settings: Settings) -> Run:
    if settings.cluster is None:
        return run_here
    try:
        from pipeline.embeddings.on_cluster import on_cluster  # noqa: PLC0415  # an extra
    except ModuleNotFoundError as error:
        raise ValueError(
            "--cluster needs Ray; install it with: pip install -e '.[cluster]'."
        ) from error
    return on_cluster(settings.cluster, settings.cluster_cores)


def _open(settings: Settings) -> Photographs:
    if settings.records is None:
        return found_files.find_photographs(settings.photos or "")
    # Other machines know this one's folders by their whole paths.
    folder = settings.records.absolute() if settings.cluster else settings.records
    table = open_records(folder)
    if settings.ids is None:
        return RecordedPhotographs.all_of(folder, table)
    return RecordedPhotographs.of_ids(folder, table, line_list.read_ids("ids", settings.ids))


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
