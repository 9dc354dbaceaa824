"""Which of Gradio's addresses are open: those that the page and its programs need."""

import re

from starlette.types import Scope

from demo.protection.answering import Guard
from demo.refusals import NotFound

_READ = re.compile(
    r"/(?:config/?|theme\.css|robots\.txt|favicon\.ico|manifest\.json|pwa_icon(?:/\d+)?"
    r"|(?:assets|static|svelte)/[\w./@+-]+)?"
    r"|/gradio_api/(?:info/?|openapi\.json|startup-events|theme\.css|app_id/?|heartbeat/\w+"
    r"|queue/data|call/\w+/\w+)",
    re.ASCII,
)
_POSTED = re.compile(
    r"/gradio_api/(?:queue/join|cancel|reset/?|(?:call|call/v2|run|api)/\w+/?)", re.ASCII
)


class Gate(Guard):
    """Refuses what Gradio would serve besides: files, other sites' pages, logs, editors.

    Photographs come and go by the server's own addresses.
    """

    async def check(self, scope: Scope) -> None:
        """Compares method and path."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        is_read = scope["method"] in ("GET", "HEAD")
        opened = _READ if is_read else _POSTED
        if scope["method"] not in ("GET", "HEAD", "POST") or not opened.fullmatch(path or "/"):
            raise NotFound("There is no such address.")
