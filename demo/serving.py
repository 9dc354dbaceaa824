"""The demo in a thread of this process, for what drives it from the same program."""

import contextlib
import threading
import time
from collections.abc import Iterator

import uvicorn

from demo.server import build_server
from demo.settings import ServerSettings


@contextlib.contextmanager
def serving(settings: ServerSettings) -> Iterator[str]:
    """Serves on a free port of this machine, and yields the address.

    Raises:
        RuntimeError: If the server ends before it serves; its log tells why.
    """
    server = uvicorn.Server(uvicorn.Config(build_server(settings), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("The server ended before it served.")
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
