"""Serves the demo over exported models and indexes.

    python -m demo.app --collections=exported

Then open http://127.0.0.1:7860.
"""

import dataclasses
import getpass
import socket
import sys

import uvicorn

from demo.protection import connections, login
from demo.server import build_server
from demo.settings import ServerSettings
from pipeline import command_line
from pipeline.command_line import setting

_LAST_PORT = 65535
_KEEP_ALIVE_SECONDS = 75
_ENDING_SECONDS = 5  # of what is being answered; pages that are open hold streams for ever
_MOST_CONNECTIONS = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ServerSettings):
    """What to serve, where, and within which limits."""

    port: int = setting("Port to serve on.", default=7860)
    add_user: str | None = setting(
        "Instead of serving, ask for a password and add a user of this name to --login=FILE.",
        default=None,
    )

    def __post_init__(self) -> None:
        """Checks ranges."""
        super().__post_init__()
        if not 1 <= self.port <= _LAST_PORT:
            raise ValueError(f"--port is 1 to {_LAST_PORT}. Received: {self.port}.")
        if self.add_user is not None and self.login is None:
            raise ValueError("--add_user needs --login=FILE, the file that the user is added to.")


def serve(settings: Settings) -> None:
    """Serves the page until it is interrupted.

    Raises:
        FileNotFoundError: If there is no index to search.
        OSError: If the port is taken.
    """
    _check_port(settings)
    server = build_server(settings)
    print(f"The page is at http://{settings.host}:{settings.port} (Ctrl+C ends it).", flush=True)
    uvicorn.run(
        server,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # --behind_proxy says whether they are believed
        http=connections.limited(None if settings.behind_proxy else connections.MOST),
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_ENDING_SECONDS,
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
