"""Settings of the stages that describe photographs, and what follows from them."""

import dataclasses
from pathlib import Path

from pipeline import command_line, line_list
from pipeline.command_line import setting
from pipeline.data.record_table import open_records
from pipeline.embeddings import found_files
from pipeline.embeddings.job import Run, run_here
from pipeline.embeddings.photographs import Photographs, RecordedPhotographs


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobSettings:
    """Which model describes which photographs, and where."""

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
        "Name of what is made, the folder it goes to; by default that of the photographs.",
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
        for name in ("photos", "ids"):
            if getattr(self, name) == "":
                raise ValueError(f"--{name} is empty; name a file or a folder.")
        if self.name is not None and (self.name in ("", ".", "..") or "/" in self.name):
            raise ValueError(f"--name is a name without a folder. Received: {self.name!r}.")

    def require_own_name(self) -> str:
        """The name of what is to be described.

        Raises:
            ValueError: If it has none, as a list has, and none is given.
        """
        source = self.records if self.records is not None else Path(self.photos or "").expanduser()
        is_list = self.ids is not None or self.photos == line_list.STANDARD_INPUT
        name = self.name or ("" if is_list else source.resolve().name)  # of "." too
        if not name:
            raise ValueError("Pass --name=NAME: what is to be described has no name of its own.")
        return name


def open_photographs(settings: JobSettings) -> Photographs:
    """The photographs to describe.

    Raises:
        FileNotFoundError: If they are missing.
        ValueError: If there are none.
    """
    if settings.records is None:
        return found_files.find_photographs(settings.photos or "")
    # Other machines know this one's folders by their whole paths.
    folder = settings.records.absolute() if settings.cluster else settings.records
    table = open_records(folder)
    if settings.ids is None:
        return RecordedPhotographs.all_of(folder, table)
    return RecordedPhotographs.of_ids(folder, table, line_list.read_ids("ids", settings.ids))


def runner(settings: JobSettings) -> Run:
    """What describes: this machine or a cluster.

    Raises:
        ValueError: If Ray is needed and not installed.
    """
    if settings.cluster is None:
        return run_here
    try:
        from pipeline.embeddings.on_cluster import on_cluster  # noqa: PLC0415  # an extra
    except ModuleNotFoundError as error:
        raise ValueError(
            "--cluster needs Ray; install it with: pip install -e '.[cluster]'."
        ) from error
    return on_cluster(settings.cluster, settings.cluster_cores)
