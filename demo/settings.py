"""What the server serves, and within which limits."""

import dataclasses
from pathlib import Path

from demo.protection.origins import is_loopback
from pipeline import command_line
from pipeline.command_line import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What is served and within which limits; ``demo.app`` makes flags of these."""

    collections: tuple[str, ...] = setting(
        "Folders, comma-separated, whose collections are served: exported/ with all its models, a "
        "model's folder, or an index's. Nothing else is opened.",
        default=("exported",),
    )
    host: str = setting(
        "Address to serve on; 0.0.0.0 for all of the machine's.", default="127.0.0.1"
    )
    login: Path | None = setting(
        "File of those who may use the page; by default everybody may. See --add_user.",
        default=None,
    )
    behind_proxy: bool = setting(
        "Whether a proxy of yours passes requests on, whose X-Forwarded-For tells who asks.",
        default=False,
    )
    per_minute: float = setting(
        "Searches, uploads and the like that one client may ask for in a minute.", default=120.0
    )
    megabytes: float = setting("Of an uploaded photograph, at most.", default=25.0)
    megapixels: float = setting("Of an uploaded photograph, at most.", default=50.0)
    keep_minutes: float = setting("Minutes after which an upload is deleted.", default=30.0)
    changes: bool | None = setting(
        "Whether collections can be made and changed on the page; by default where it serves this "
        "machine alone. Add --login where others are to do so.",
        default=None,
    )
    own: Path = setting(
        "Folder of the photographs that are sent for collections, and of what is being made.",
        default=Path("tfrecords/own"),
    )
    photos: tuple[str, ...] = setting(
        "Folders of this machine, comma-separated, of which and of whose sub-folders collections "
        "may be made; by default of none.",
        default=(),
    )
    seconds: float = setting("Seconds that a query may take.", default=30.0)
    at_once: int = setting("Queries that are answered at a time.", default=16)
    queue: int = setting("Queries that may wait; more are refused.", default=64)

    def __post_init__(self) -> None:
        """Checks ranges."""
        command_line.require_at_least(
            self, megabytes=0.01, megapixels=0.01, keep_minutes=0.01, seconds=0.1, at_once=1,
            queue=1, per_minute=1,
        )  # fmt: skip
        if self.changes and not self.is_local and self.login is None:
            raise ValueError(
                f"--changes lets all who reach --host={self.host} change and delete collections; "
                "add --login=FILE, serve 127.0.0.1 without a proxy, or leave --changes out."
            )

    @property
    def is_local(self) -> bool:
        """Whether this machine alone is served."""
        return is_loopback(self.host) and not self.behind_proxy
