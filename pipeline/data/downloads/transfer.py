"""Files fetched by HTTP: gone on with after an interruption, named only when whole and right."""

import dataclasses
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeVar

import requests

from pipeline.data.downloads.meter import Meter
from pipeline.data.downloads.partial_file import PartialFile, Version, alone, require_space
from pipeline.progress import logger, progress

_CHUNK = 1 << 16  # bytes, at most lost when a transfer is cut
_BUSY = {408, 429, 500, 502, 503, 504}  # HTTP states that pass

Result = TypeVar("Result")


class _InterruptedError(Exception):
    """The transfer has to be taken up again."""


_PASSING = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,  # also: cut before the last byte
    _InterruptedError,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a failing server is borne.

    Attributes:
        attempts: In a row that bring not one byte, before giving up.
        first_wait: Seconds after the first of them, doubled after each.
        timeout: Seconds to wait for a connection, or for the next bytes.
    """

    attempts: int = 5
    first_wait: float = 1.0
    timeout: float = 30.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Remote:
    """A file to fetch: its address, its place, its md5 (32 hexadecimal digits) if published."""

    address: str
    path: Path
    md5: str | None = None


class Fetcher:
    """Fetches files over one connection.

    Args:
        patience: How long a failing server is borne.
    """

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._session = requests.Session()
        # Compressed on the way, a file could not be gone on with, nor its length be compared.
        self._session.headers["Accept-Encoding"] = "identity"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()

    def version(self, address: str) -> Version:
        """The size and validator of the file at an address.

        Raises:
            OSError: If the server does not give them.
        """
        with self._persist(address, lambda: self._send("HEAD", address, {})) as response:
            length = response.headers.get("Content-Length", "")
            if not length.isdecimal():
                raise OSError(
                    f"{address} is to come with a Content-Length, so that a file cut short is "
                    f"noticed. Received: {length!r}. Name another server with --mirror."
                )
            return Version(size=int(length), validator=_validator(response))

    def fetch(self, files: Sequence[Remote], what: str) -> None:
        """Fetches files one after the other, replacing those that are there.

        What another process fetches meanwhile is awaited, and not fetched again.

        Raises:
            OSError: If the server does not give a file, or the disk is too small.
            ValueError: If a file differs from its md5 when fetched twice.
        """
        if not files:
            return
        before = {file.path: _identity(file.path) for file in files}
        sizes = {
            file.path: self.version(file.address).size
            for file in progress(files, f"{what}: asking for sizes", unit="files")
        }
        for file in files:
            file.path.parent.mkdir(parents=True, exist_ok=True)
        require_space(sizes)
        with Meter(what, sizes) as meter:
            for file in files:
                with alone(file.path):
                    fetched_elsewhere = _identity(file.path) != before[file.path]
                    if not (fetched_elsewhere and _is_right(file.path, file.md5)):
                        self._fetch_alone(file, meter)
                meter.show(file.path, file.path.stat().st_size)

    def _fetch_alone(self, file: Remote, meter: Meter) -> None:
        part = PartialFile(file.path)
        for attempts_left in (1, 0):
            self._persist(
                file.address,
                lambda: self._receive(file, part, meter),
                received=lambda: part.size,
            )
            if _is_right(part.path, file.md5):
                part.finish()
                return
            received = md5_of(part.path)
            part.discard()
            if attempts_left:
                logger.warning("%s arrived damaged; fetching it once again.", file.address)
        raise ValueError(
            f"{file.address} was fetched twice and differs from its md5 (expected {file.md5}, "
            f"received {received}); name another server with --mirror, or leave this file out."
        )

    def _receive(self, file: Remote, part: PartialFile, meter: Meter) -> None:
        """Adds to the part what is missing.

        Raises:
            _InterruptedError: If it did not come, whereupon the part may have been discarded.
        """
        version = self.version(file.address)
        part.keep_only_start_of(version)
        if part.size < version.size:
            self._receive_rest(file, part, version, meter)
        if part.size != version.size:
            raise _InterruptedError(f"received {part.size:,} bytes of {version.size:,}")

    def _receive_rest(
        self, file: Remote, part: PartialFile, version: Version, meter: Meter
    ) -> None:
        begin = part.size
        # A changed file is sent from its beginning, by a server that knows If-Range.
        headers = {"Range": f"bytes={begin}-", "If-Range": version.validator} if begin else {}
        with self._send("GET", file.address, headers) as response:
            if not _continues(response, begin, version):
                part.discard()
                raise _InterruptedError("the server does not go on with the file that was begun")
            with part.path.open("ab" if response.status_code == 206 else "wb") as target:
                for chunk in response.iter_content(_CHUNK):
                    target.write(chunk)
                    meter.show(file.path, target.tell())

    def _send(self, method: str, address: str, headers: dict[str, str]) -> requests.Response:
        timeout = self._patience.timeout
        try:
            response = self._session.request(
                method, address, headers=headers, timeout=timeout, stream=True, allow_redirects=True
            )
        except requests.TooManyRedirects as error:
            raise OSError(
                f"{address} is redirected without end; name another server with --mirror."
            ) from error
        if response.status_code in (200, 206, 416):
            return response
        response.close()
        raise _refusal(address, response)

    def _persist(
        self, address: str, attempt: Callable[[], Result], received: Callable[[], int] = int
    ) -> Result:
        """Repeats what is interrupted, with growing pauses, for as long as something comes.

        Raises:
            ConnectionError: After the attempts that patience allows.
        """
        failures = 0
        while True:
            before = received()
            try:
                return attempt()
            except _PASSING as error:
                failures = 1 if received() > before else failures + 1
                if failures >= self._patience.attempts:
                    raise ConnectionError(
                        f"{address} failed {failures} times in a row ({_cause(error)}); run the "
                        "same command again later, it goes on where it stopped."
                    ) from error
                wait = self._patience.first_wait * 2 ** (failures - 1)
                logger.info("%s: %s; trying again in %.0f s.", address, _cause(error), wait)
                time.sleep(wait)


def _cause(error: BaseException) -> str:
    """What went wrong at the bottom, without the libraries' words around it."""
    causes = [error]
    while (below := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(below)
    # The last that the operating system tells, as "Connection refused".
    told = [one.strerror for one in causes if isinstance(one, OSError) and one.strerror]
    return told[-1] if told else str(error)


def md5_of(path: Path) -> str:
    """The MD5 of a file, 32 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _identity(path: Path) -> tuple[int, int] | None:
    """Differs when another file has been given the name."""
    if not path.is_file():
        return None
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _is_right(path: Path, md5: str | None) -> bool:
    return path.is_file() and (md5 is None or md5_of(path) == md5)


def _validator(response: requests.Response) -> str:
    """What ``If-Range`` may name: a strong ETag, else the date. RFC 9110, section 13.1.5."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _continues(response: requests.Response, begin: int, version: Version) -> bool:
    """Whether a response is a version whole, or its rest from a byte on."""
    same = _validator(response) in ("", version.validator)
    rest = response.headers.get("Content-Range", "").startswith(f"bytes {begin}-")
    return same and (response.status_code == 200 or (response.status_code == 206 and rest))


def _refusal(address: str, response: requests.Response) -> Exception:
    moved = f" (at {response.url})" if response.url != address else ""
    said = f"{address}{moved} answered {response.status_code} {response.reason}"
    if response.status_code in _BUSY:
        return _InterruptedError(said)
    kind: type[OSError] = OSError
    if response.status_code in (404, 410):
        kind = FileNotFoundError
    elif response.status_code in (401, 403):
        kind = PermissionError
    return kind(f"{said}; name a server that gives this file with --mirror.")
