"""What the tests of downloads share: a server with files of Google Landmarks' layout."""

import hashlib
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tests.pipeline.data.downloads.local_server import LocalServer

TABLES = (
    "index",
    "index_image_to_landmark",
    "index_label_to_category",
    "index_label_to_hierarchical",
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """Three tars of the index with their md5 files, and its tables, that call for no proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = LocalServer()
    for table in TABLES:
        server.files[f"/metadata/{table}.csv"] = f"id\n{table}\n".encode()
    for number in range(3):
        tar = np.random.default_rng(number).bytes(300_000)
        server.files[f"/index/images_{number:03d}.tar"] = tar
        server.files[f"/md5sum/index/md5.images_{number:03d}.txt"] = (
            f"{hashlib.md5(tar).hexdigest()}  images_{number:03d}.tar\n".encode()
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()
