"""What Gradio is to know and to tell of those who ask the page."""

import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from demo.protection.rate_limit import client_of
from demo.refusals import Refused

_log = logging.getLogger(__name__)


def client(is_behind_proxy: bool) -> str:
    """Who asked for what Gradio runs in this thread; "" where that is nobody.

    Args:
        is_behind_proxy: As for ``RateLimit``.
    """
    asked = LocalContext.request.get(None)
    request = getattr(asked, "request", None)
    scope = getattr(request, "scope", None)
    return "" if scope is None else client_of(scope, is_behind_proxy)


def guard(page: gr.Blocks) -> None:
    """Has a page tell the texts of refusals alone.

    Gradio's own errors reach the browser although ``show_error`` is off. They name what could have
    been chosen, and paths.
    """
    process = page.process_api
    page.process_api = _guarded(process)


def _guarded(process: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(process)
    async def process_guarded(*arguments: Any, **named: Any) -> Any:
        try:
            return await process(*arguments, **named)
        except gr.Error as error:
            if isinstance(error.__cause__, Refused):
                raise
            _log.warning("The page was sent what it does not take: %s", error)
            raise gr.Error(
                "A value that was sent is none that is taken here.", print_exception=False
            ) from None

    return process_guarded
