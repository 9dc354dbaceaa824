"""Files that requests to Gradio name: only uploads, by their tokens.

Gradio 6.31, mounted in another application, copies whatever file of the server a request names
into its cache, and downloads addresses. So it is never shown that something is a file.
"""

import json
import re
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.protection.answering import refusal
from demo.refusals import Refused

_MARK = "gradio.FileData"  # by which Gradio tells a file from other values
_TOKEN = re.compile(r"[\w-]{16,64}", re.ASCII)


class FileReferences:
    """Passes posted JSON on with files named by their tokens alone, as ``{"path": token}``.

    Args:
        app: Gradio's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses one that names another file."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            body = without_files(await _body(receive))
        except Refused as refused:
            await refusal(refused)(scope, receive, send)
            return
        is_sent = False

        async def receive_rewritten() -> Message:
            nonlocal is_sent
            if is_sent:
                return await receive()
            is_sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        length = str(len(body)).encode()
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
        rewritten = {**scope, "headers": [*headers, (b"content-length", length)]}
        await self._app(rewritten, receive_rewritten, send)


def without_files(body: bytes) -> bytes:
    """JSON in which no value is a file to Gradio, always written anew; "" of nothing.

    Python's ``json`` reads UTF-16 and UTF-32 as well, so bytes are never searched for the mark.

    Raises:
        Refused: If it is no JSON in UTF-8, or a file in it is no token.
    """
    if not body:
        return body
    try:
        return json.dumps(_without_files(json.loads(body.decode("utf-8")))).encode()
    except (ValueError, RecursionError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("What was sent is not JSON in UTF-8.") from error


def _without_files(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_files(one) for one in value]
    if not isinstance(value, dict):
        return value
    meta = value.get("meta")
    if isinstance(meta, dict) and meta.get("_type") == _MARK:
        path = value.get("path")
        if not isinstance(path, str) or not _TOKEN.fullmatch(path):
            raise Refused("A file is sent to /gradio_api/upload first, and named as that answers.")
        return {"path": path}
    return {key: _without_files(one) for key, one in value.items()}


async def _body(receive: Receive) -> bytes:
    parts, is_more = [], True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        is_more = message.get("more_body", False)
    return b"".join(parts)
