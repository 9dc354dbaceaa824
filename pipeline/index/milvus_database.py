"""The connection to Milvus: a server, or Milvus Lite, which lies in a folder and runs in here."""

import contextlib
import fcntl
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from milvus_lite.server_manager import server_manager_instance
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

TOKEN = "MILVUS_TOKEN"
_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 60.0
_LOCK = "LOCK"  # of Milvus Lite, in its folder
_GONE_CODE = 100  # no such collection
_CONNECTION_CODES = (2, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

for _name in ("pymilvus", "pymilvus.milvus_client", "milvus_lite", "grpc._server"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # what they tell is raised as well


class MilvusDatabase:
    """A database of Milvus; its methods are those of ``MilvusClient``, with clear errors.

    Args:
        uri: ``http://HOST:19530``, or a path that ends in ``.db``.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client: Any = None

    @property
    def is_embedded(self) -> bool:
        """Whether it is Milvus Lite."""
        return is_embedded(self.uri)

    def connect(self) -> None:
        """Connects; in the end, Milvus Lite's folder is left to other processes.

        Raises:
            ConnectionError: If no server answers.
            BlockingIOError: If another process has the folder open.
        """
        if self.is_embedded:
            _require_unlocked(Path(self.uri))
            options = {"grpc.enable_http_proxy": 0}  # it is in this process
        else:
            options = {}
        with _told(self.uri):
            self._client = MilvusClient(
                self.uri,
                token=os.environ.get(TOKEN, ""),
                timeout=_CONNECT_SECONDS,
                grpc_options=options,
            )
        weakref.finalize(self, _close, self._client, self.uri)

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Calls a method of the client that answers soon."""
        return self.wait_for(method, *arguments, timeout=_ANSWER_SECONDS, **named)

    def wait_for(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Calls a method of the client that takes what time it takes.

        Raises:
            ConnectionError: If the server does not answer.
            FileNotFoundError: If it has no such collection.
            OSError: If it cannot do what it is asked for.
        """
        call: Callable[..., Any] = getattr(self._client, method)
        with _told(self.uri):
            return call(*arguments, **named)


_databases: "weakref.WeakValueDictionary[str, MilvusDatabase]" = weakref.WeakValueDictionary()
_opening = threading.RLock()


def open_database(uri: str) -> MilvusDatabase:
    """Opens a database, or gives the one that is open; it is closed when nobody holds it.

    Raises:
        ConnectionError: If no server answers.
        BlockingIOError: If it is Milvus Lite, and another process has it open.
    """
    with _opening:
        database = _databases.get(uri)
        if database is None:
            _databases[uri] = database = MilvusDatabase(uri)
            try:
                database.connect()
            except BaseException:
                del _databases[uri]
                raise
        return database


def is_embedded(uri: str) -> bool:
    """Whether a uri is a path of Milvus Lite."""
    return uri.endswith(".db")


def _close(client: Any, uri: str) -> None:
    """Closes a connection, and Milvus Lite, which the client leaves running."""
    with _opening:
        if uri in _databases:  # somebody has opened it again meanwhile
            return
        client.close()
        if is_embedded(uri):
            server_manager_instance.release_server(uri)


def _require_unlocked(folder: Path) -> None:
    """Milvus Lite itself only says that it cannot be opened."""
    if not (folder / _LOCK).is_file():
        return
    with (folder / _LOCK).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(
                f"Another process has {folder} open, and Milvus Lite lets in one at a time; end "
                "that one, or build the index on a server with --uri=http://HOST:19530."
            ) from error


@contextlib.contextmanager
def _told(uri: str) -> Iterator[None]:
    """Turns the errors of Milvus and of its transport into ones that say what to do."""
    try:
        yield
    except grpc.RpcError as error:
        raise _error(uri, error.code(), error.details()) from error
    except MilvusException as error:
        raise _error(uri, error.code, error.message) from error


def _error(uri: str, code: Any, message: str) -> OSError:
    if code in _CONNECTION_CODES and not is_embedded(uri):
        return ConnectionError(
            f"No Milvus answers at --uri={uri} ({message}); start one, see docs/scale.md. A "
            f"server that asks for a token takes that of the environment variable {TOKEN}."
        )
    if code == _GONE_CODE:
        return FileNotFoundError(
            f"Milvus at {uri} has the collection no more ({message}); where the index was built "
            "again meanwhile, open it again."
        )
    if is_embedded(uri):
        return OSError(
            f"Milvus Lite in {uri} fails: {message}. Where its files are damaged, copy them back, "
            "or remove them and build the index again with --overwrite."
        )
    return OSError(f"Milvus at {uri} refuses: {message}.")
