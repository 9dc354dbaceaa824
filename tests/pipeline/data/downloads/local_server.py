"""A server of files on this machine that can be told to misbehave."""

import collections
import hashlib
import http.server
import re
import threading
from typing import Literal

Fault = Literal["cut", "stall", "damage", "503", "403", "loop", "416", "shift"]


class LocalServer(http.server.ThreadingHTTPServer):
    """Serves ``files`` by their paths, with ETags and ranges.

    ``faults`` holds, for every path, what goes wrong with the next GETs; the last of them stays
    if the path is in ``always``.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = collections.defaultdict(list)
        self.always: set[str] = set()
        self.knows_ranges = True
        self.knows_if_range = True
        self.says_length = True
        self.asked: list[tuple[str, str, str]] = []  # method, path, range
        self.sent: collections.Counter[str] = collections.Counter()  # bytes of bodies by path
        self.stalled = threading.Event()  # a transfer stands still
        self.go_on = threading.Event()  # it may go on

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def gets(self, path: str) -> list[str]:
        """The ranges of the GETs of a path, "" where the whole file was asked for."""
        return [part for method, asked, part in self.asked if (method, asked) == ("GET", path)]

    def next_fault(self, path: str) -> Fault | None:
        faults = self.faults[path]
        if not faults:
            return None
        return faults[0] if path in self.always and len(faults) == 1 else faults.pop(0)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LocalServer

    def log_message(self, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(None)

    def do_GET(self) -> None:
        self._answer(self.server.next_fault(self.path))

    def _answer(self, fault: Fault | None) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append((self.command, self.path, wanted))
        content = self.server.files.get(self.path)
        if content is None or fault in ("503", "403", "416"):
            self._headers(404 if content is None else int(fault or 0), 0)
            return
        if fault == "loop":
            self._headers(302, 0, Location=self.path)
            self.server.faults[self.path].append("loop")
            return
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        begin = self._begin(wanted, tag)
        extra = {"ETag": tag}
        if begin:
            extra["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        if fault == "shift":  # as many bytes, others than were asked for
            extra["Content-Range"] = f"bytes 1-{len(content) - begin}/{len(content)}"
            content = bytes(begin) + content[1 : len(content) - begin + 1]
        self._headers(206 if begin else 200, len(content) - begin, **extra)
        if self.command == "GET":
            self._body(content[begin:], fault)

    def _begin(self, wanted: str, tag: str) -> int:
        found = re.fullmatch(r"bytes=(\d+)-", wanted)
        same = self.headers.get("If-Range", tag) == tag or not self.server.knows_if_range
        return int(found[1]) if found and same and self.server.knows_ranges else 0

    def _headers(self, status: int, length: int, **extra: str) -> None:
        self.send_response(status)
        if self.server.says_length:
            self.send_header("Content-Length", str(length))
        for name, value in extra.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _body(self, body: bytes, fault: Fault | None) -> None:
        if fault == "damage":
            body = bytes(len(body))
        first = body[: len(body) // 2] if fault in ("cut", "stall") else body
        self.server.sent[self.path] += len(first)  # before whoever reads them can look
        self.wfile.write(first)
        if fault == "cut":
            self.close_connection = True
        if fault == "stall":
            self.server.stalled.set()
            self.server.go_on.wait(timeout=30)
            self.close_connection = True
