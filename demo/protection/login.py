"""Who may use the page, where that is not everybody."""

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Scope

from demo.protection.answering import Guard, header
from demo.protection.rate_limit import Buckets, client_of
from demo.refusals import Refused, TooOften
from pipeline import manifest

OPEN = ("/health",)
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1  # of scrypt: 16 MiB, about 50 ms
_SALT_BYTES = 16
_REMEMBERED_SECONDS = 600
_REMEMBERED = 1000
_LEAST_PASSWORD = 8
_TRIES_PER_MINUTE = 10


class Unauthorised(Refused):
    """Asked without a name and password that are known."""

    status = 401


def line_of(name: str, password: str) -> str:
    """A line of the file of users: ``name:salt:hash``, both in hexadecimal.

    Raises:
        ValueError: If the name holds a colon or a line's end, or the password is short.
    """
    if not name or set(name) & set(":\r\n"):
        raise ValueError(f"A name has letters, and no colon. Received: {name!r}.")
    if len(password) < _LEAST_PASSWORD:
        raise ValueError(f"A password has at least {_LEAST_PASSWORD} letters.")
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"{name}:{salt.hex()}:{_hashed(password, salt).hex()}"


def read_users(path: Path) -> dict[str, tuple[bytes, bytes]]:
    """Salt and hash of every user.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is none, or there is none at all.
    """
    mend = f"add a user with `python -m demo.app --login={path} --add_user=NAME`"
    if not path.is_file():
        raise FileNotFoundError(f"--login={path}: no such file; {mend}.")
    users = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            name, salt, hashed = line.split(":")
            users[name] = bytes.fromhex(salt), bytes.fromhex(hashed)
        except ValueError as error:
            raise ValueError(f"--login={path}: line {number} is damaged; {mend}.") from error
    if not users:
        raise ValueError(f"--login={path} names nobody; {mend}.")
    return users


def add_line(path: Path, name: str, password: str) -> None:
    """Adds a user to a file, or gives one another password.

    Raises:
        ValueError: As ``line_of`` does.
    """
    line = line_of(name, password)
    before = path.read_text("utf-8").splitlines() if path.is_file() else []
    kept = [one for one in before if one.strip() and one.partition(":")[0] != name]

    def write(part: Path) -> None:
        part.touch(mode=0o600)
        part.write_text("\n".join([*kept, line, ""]), "utf-8")

    manifest.write_atomically(path, write)


class Login(Guard):
    """Asks for name and password, as HTTP's Basic authentication does.

    Browsers ask their user for them, curl takes ``--user``. Behind anything but this machine it
    needs HTTPS, since they are sent with every request.

    Args:
        app: What is guarded, but for ``OPEN``.
        users: As ``read_users`` gives them.
        is_behind_proxy: As for ``RateLimit``.
    """

    def __init__(
        self, app: ASGIApp, *, users: dict[str, tuple[bytes, bytes]], is_behind_proxy: bool
    ) -> None:
        super().__init__(app)
        self._users = users
        self._is_behind_proxy = is_behind_proxy
        self._tries = Buckets(_TRIES_PER_MINUTE)
        # Whom the costly hash has let in, by a quick one of a key that nobody knows.
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    async def check(self, scope: Scope) -> None:
        """Compares name and password."""
        written = header(scope, b"authorization")
        if scope["path"] in OPEN or self._is_known(written):
            return
        if written:
            seconds = self._tries.take(client_of(scope, self._is_behind_proxy))
            if seconds:
                raise TooOften("Name or password were wrong too often. Wait a minute.", seconds)
            if await run_in_threadpool(self._is_user, written):
                return
        raise Unauthorised("Name and password are needed.")

    def headers_of(self, refused: Refused) -> dict[str, str]:
        """Has a browser ask."""
        return {"WWW-Authenticate": 'Basic realm="Landmark retrieval", charset="UTF-8"'}

    def _is_known(self, authorization: str) -> bool:
        with self._lock:
            return self._known.get(self._mark(authorization), 0) > time.monotonic()

    def _is_user(self, authorization: str) -> bool:
        scheme, _, written = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            name, _, password = base64.b64decode(written, validate=True).decode().partition(":")
        except ValueError:  # letters beyond ASCII, no base64, or no UTF-8 in it
            return False
        # A name that nobody has takes as long as one that somebody has.
        salt, expected = self._users.get(name, (bytes(_SALT_BYTES), b""))
        if not hmac.compare_digest(_hashed(password, salt), expected):
            return False
        with self._lock:
            self._known[self._mark(authorization)] = time.monotonic() + _REMEMBERED_SECONDS
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return True

    def _mark(self, authorization: str) -> bytes:
        return hmac.digest(self._key, authorization.encode(), "sha256")


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL, dklen=32)
