"""Serves the demo over exported models and indexes.

    python -m demo.app --collections=exported

Then open http://127.0.0.1:7860.
"""

import dataclasses
import getpass
import socket
import sys
from pathlib import Path

import uvicorn

from demo.protection import login
from demo.server import ServerSettings, build_server
from pipeline import command_line
from pipeline.command_line import setting

_LAST_PORT = 65535
_KEEP_ALIVE_SECONDS = 75
_MOST_CONNECTIONS = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to serve, where, and within which limits."""

    collections: tuple[str, ...] = setting(
        "Folders, comma-separated, whose collections are served: exported/ with all its models, a "
        "model's folder, or an index's. Nothing else is opened.",
        default=("exported",),
    )
    host: str = setting(
        "Address to serve on; 0.0.0.0 for all of the machine's.", default="127.0.0.1"
    )
    port: int = setting("Port to serve on.", default=7860)
    login: Path | None = setting(
        "File of those who may use the page; by default everybody may. See --add_user.",
        default=None,
    )
    add_user: str | None = setting(
        "Instead of serving, ask for a password and add a user of this name to --login=FILE.",
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
        if not 1 <= self.port <= _LAST_PORT:
            raise ValueError(f"--port is 1 to {_LAST_PORT}. Received: {self.port}.")
        command_line.require_at_least(
            self, megabytes=0.01, megapixels=0.01, keep_minutes=0.01, seconds=0.1, at_once=1,
            queue=1, per_minute=1,
        )  # fmt: skip
        if self.add_user is not None and self.login is None:
            raise ValueError("--add_user needs --login=FILE, the file that the user is added to.")


def serve(settings: Settings) -> None:
    """Serves the page until it is interrupted.

    Raises:
        FileNotFoundError: If there is no index to search.
        OSError: If the port is taken.
    """
    _check_port(settings)
    own = {field.name for field in dataclasses.fields(ServerSettings)} - {"collections", "photos"}
    server = build_server(
        ServerSettings(
            collections=tuple(Path(folder).expanduser() for folder in settings.collections),
            photos=tuple(Path(folder).expanduser() for folder in settings.photos),
            **{name: getattr(settings, name) for name in own},
        )
    )
    print(f"The page is at http://{settings.host}:{settings.port} (Ctrl+C ends it).", flush=True)
    uvicorn.run(
        server,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # --behind_proxy says whether they are believed
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


def add_user(settings: Settings) -> None:
    """Asks for a password, twice where somebody types it, and adds a user.

    Raises:
        ValueError: If the name or the password is none, or the two differ.
    """
    if settings.login is None or settings.add_user is None:
        raise ValueError("--add_user=NAME needs --login=FILE.")
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise ValueError("The two passwords differ; nothing was added.")
    else:
        password = sys.stdin.readline().rstrip("\n")
    login.add_line(settings.login, settings.add_user, password)
    print(f"{settings.add_user} may use what is served with --login={settings.login}.")


def main(settings: Settings) -> None:
    """Serves, or adds a user."""
    if settings.add_user is None:
        serve(settings)
    else:
        add_user(settings)


def _check_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise OSError(
                f"Port {settings.port} of {settings.host} cannot be served on "
                f"({error.strerror}); pass another with --port."
            ) from error


if __name__ == "__main__":
    command_line.run(main, Settings)
