"""Files wherever TensorFlow reaches: on this machine, or at an address such as gs://BUCKET/NAME.

Paths are text, as ``pathlib`` takes the two slashes of an address for one.
"""

import contextlib
import errno
import os
import posixpath
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from pipeline import manifest


def join(folder: str | Path, *names: str) -> str:
    """The path of what lies in a folder."""
    return posixpath.join(os.fspath(folder), *names)


def is_local(path: str) -> bool:
    """Whether a path is of this machine's own file system, mounted ones among them."""
    return "://" not in path


def exists(path: str) -> bool:
    """Whether a file or folder is there."""
    return tf.io.gfile.exists(path)


def names_in(folder: str) -> list[str]:
    """Names of what lies in a folder, in order; none where there is no folder."""
    if not tf.io.gfile.isdir(folder):
        return []
    return sorted(name.rstrip("/") for name in tf.io.gfile.listdir(folder))


def size(path: str) -> int:
    """Bytes of a file.

    Raises:
        FileNotFoundError: If there is none.
    """
    with _as_os_error(path):
        return tf.io.gfile.stat(path).length


def read(path: str, count: int = -1) -> bytes:
    """The bytes of a file, or the first of them.

    Raises:
        FileNotFoundError: If there is none.
        OSError: If it cannot be read.
    """
    with _as_os_error(path), tf.io.gfile.GFile(path, "rb") as file:
        return file.read(count)


def write(path: str, content: bytes) -> None:
    """Writes a file whole or not at all: a reader sees the old content or the new.

    Raises:
        OSError: If it cannot be written.
    """
    if is_local(path):
        manifest.write_atomically(Path(path), lambda part: _write_through(part, content))
        return
    part = f"{path}.part-{socket.gethostname()}-{uuid.uuid4().hex}"
    with _as_os_error(path):
        tf.io.gfile.makedirs(posixpath.dirname(path))
        try:
            with tf.io.gfile.GFile(part, "wb") as file:
                file.write(content)
            tf.io.gfile.rename(part, path, overwrite=True)
        except tf.errors.OpError:
            remove(part)
            raise


def remove(path: str) -> None:
    """Removes a file; does nothing where there is none."""
    with _as_os_error(path):
        if exists(path):
            tf.io.gfile.remove(path)


def _write_through(path: Path, content: bytes) -> None:
    """Writes to the disk itself: a name whose bytes were still in memory is empty after a crash."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _as_os_error(path: str) -> Iterator[None]:
    """Errors of TensorFlow's file systems as Python's own."""
    try:
        yield
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"{path} is missing.") from error
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, error.message, path) from error
