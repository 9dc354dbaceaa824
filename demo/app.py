"""Serves the search page over everything under ``exported/``.

    python -m demo.app

Then open http://127.0.0.1:7860.
"""

import dataclasses
import os
import socket
from pathlib import Path

# Before Gradio is imported, which reads it: nothing is sent anywhere.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from demo.catalogue import Catalogue
from demo.page import STYLE, build_page
from pipeline import command_line
from pipeline.command_line import setting

_LAST_PORT = 65535
_FONTS = ("system-ui", "sans-serif")  # those of the machine, so that none is fetched


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to serve, and where."""

    exported: Path = setting("Folder of the models with their indexes.", default=Path("exported"))
    host: str = setting(
        "Address to serve on; 0.0.0.0 for all of the machine's.", default="127.0.0.1"
    )
    port: int = setting("Port to serve on.", default=7860)

    def __post_init__(self) -> None:
        """Checks ranges."""
        if not 1 <= self.port <= _LAST_PORT:
            raise ValueError(f"--port is 1 to {_LAST_PORT}. Received: {self.port}.")


def serve(settings: Settings) -> None:
    """Serves the page until it is interrupted.

    Raises:
        FileNotFoundError: If there is no index to search.
        OSError: If the port is taken.
    """
    catalogue = Catalogue(settings.exported)
    _check_port(settings)
    page = build_page(catalogue)
    print(f"The search page is at http://{settings.host}:{settings.port} (Ctrl+C ends it).")
    page.launch(
        server_name=settings.host,
        server_port=settings.port,
        theme=gr.themes.Soft(font=_FONTS, font_mono=("ui-monospace", "monospace")),
        css=STYLE,
        footer_links=[],
        quiet=True,
    )


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
    command_line.run(serve, Settings)
