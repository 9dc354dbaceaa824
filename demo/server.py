"""Puts page, addresses and guards together."""

import asyncio
import contextlib
import functools
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

# Gradio reads these. Nothing is sent anywhere; and no table is made, after every event, of the last
# ten thousand, which took 13 ms for 1,000 and 50 ms for 10,000.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")

import gradio as gr
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.routing import Mount

from demo import endpoints, page_errors
from demo.asking.admission import Admission
from demo.asking.service import Service
from demo.asking.turns import Turns
from demo.catalogue import Catalogue
from demo.making import routes as making_routes
from demo.making.making import Making, MakingSettings
from demo.measurements import Measurements
from demo.observing import Observing
from demo.page import asking, layout
from demo.page.asking import Asking
from demo.page.reasons import Searches
from demo.parts import Parts
from demo.protection.admitting import Admitting
from demo.protection.body_limit import BodyLimit
from demo.protection.file_references import FileReferences
from demo.protection.gate import Gate
from demo.protection.headers import SecurityHeaders
from demo.protection.login import Login, read_users
from demo.protection.open_requests import OpenRequests
from demo.protection.origins import OwnOrigin
from demo.protection.rate_limit import RateLimit
from demo.routes import add_routes
from demo.settings import ServerSettings
from demo.uploads.intake import Limits
from demo.uploads.kept import Kept

_SWEEP_SECONDS = 30
_PHOTOGRAPHS = 4  # of the largest that are taken, looked at at a time
_OTHER_THREADS = 16  # for what is quick

_log = logging.getLogger(__name__)


def build_server(settings: ServerSettings) -> FastAPI:
    """The whole application.

    Raises:
        FileNotFoundError: If there is nothing to serve.
    """
    parts = _parts(settings)
    server = FastAPI(
        title="Landmark retrieval", docs_url=None, redoc_url=None, openapi_url=None,
        lifespan=_lifespan(parts),
    )  # fmt: skip
    turns = Turns(parts.service.room, settings.seconds)
    add_routes(server, parts, turns)
    endpoints.add_routes(server, parts, turns)
    searches = Searches(parts)
    asking.add_routes(server, Asking(parts, searches), turns)
    if parts.making is not None:
        making_routes.add_routes(server, parts.making, parts.catalogue)
    _mount_page(server, layout.build_page(parts, searches), parts, settings)
    _add_guards(server, parts, settings)
    return server


def _mount_page(server: FastAPI, page: gr.Blocks, parts: Parts, settings: ServerSettings) -> None:
    endpoints.add_to_page(page, parts)
    page_errors.guard(page)
    # Events leave Gradio's queue at once, for threads of their own, and wait for their turn with
    # all others: `Service` knows who asks, and refuses what is too much.
    room = parts.service.room
    page.max_threads = room.most + _OTHER_THREADS
    page.queue(max_size=settings.queue, default_concurrency_limit=room.most)
    gr.mount_gradio_app(
        server, page, path="/", allowed_paths=[], show_error=False, footer_links=[],
        ssr_mode=False, run_history=False, enable_monitoring=False,
        theme=layout.theme(), css=layout.STYLE, head=layout.HEAD,
    )  # fmt: skip
    mounted = server.routes[-1]
    if not isinstance(mounted, Mount):
        raise TypeError(f"Gradio mounted {mounted!r} instead of an application.")
    mounted.app = Gate(FileReferences(mounted.app))


def _add_guards(server: FastAPI, parts: Parts, settings: ServerSettings) -> None:
    """The one added last is asked first."""
    # A photograph in base64 has 4/3 of its bytes; what is sent with it has not much.
    server.add_middleware(BodyLimit, bytes=int(settings.megabytes * 1e6 * 4 / 3) + 1_000_000)
    server.add_middleware(
        Admitting, admission=parts.service.room, is_behind_proxy=settings.behind_proxy
    )
    if settings.login is not None:
        users = read_users(settings.login)
        server.add_middleware(Login, users=users, is_behind_proxy=settings.behind_proxy)
    server.add_middleware(
        RateLimit, per_minute=settings.per_minute, is_behind_proxy=settings.behind_proxy
    )
    server.add_middleware(OpenRequests, is_behind_proxy=settings.behind_proxy)
    server.add_middleware(OwnOrigin, is_local=settings.is_local)
    server.add_middleware(SecurityHeaders)
    server.add_middleware(Observing, measurements=parts.measurements)


def _parts(settings: ServerSettings) -> Parts:
    measurements = Measurements()
    catalogue = Catalogue(_folders(settings.collections), measurements.count_batch)
    limits = Limits(bytes=int(settings.megabytes * 1e6), pixels=int(settings.megapixels * 1e6))
    kept = Kept(limits, minutes=settings.keep_minutes)
    measurements.gauge("landmark_uploads_kept", "Uploaded photographs.", lambda: len(kept))
    service = Service(
        catalogue,
        measurements,
        room=Admission(at_once=settings.at_once, queue=settings.queue),
        pixels=_PHOTOGRAPHS * limits.pixels,
        seconds=settings.seconds,
        client=functools.partial(page_errors.client, settings.behind_proxy),
    )
    return Parts(
        catalogue=catalogue,
        service=service,
        kept=kept,
        measurements=measurements,
        making=_making(settings, catalogue, limits),
    )


def _folders(named: Sequence[str]) -> tuple[Path, ...]:
    return tuple(Path(folder).expanduser() for folder in named)


def _making(settings: ServerSettings, catalogue: Catalogue, limits: Limits) -> Making | None:
    """What makes collections; None where that was not allowed, or others are served."""
    if not (settings.is_local if settings.changes is None else settings.changes):
        return None
    made = MakingSettings(folder=settings.own, limits=limits, photos=_folders(settings.photos))
    return Making(made, catalogue.models)


def _lifespan(parts: Parts) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(server: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(parts.kept))
        warming = asyncio.create_task(run_in_threadpool(parts.warm_up))
        try:
            yield
        finally:
            sweeping.cancel()
            await warming
            parts.kept.close()
            if parts.making is not None:
                parts.making.close()

    return lifespan


async def _sweep(kept: Kept) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        try:
            await run_in_threadpool(kept.sweep)
        except OSError as error:  # a full disk, say; the next time may go well
            _log.warning("Uploads whose time has come were not removed: %s", error)
