"""Puts page, addresses and guards together."""

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator
from pathlib import Path

# Before Gradio is imported, which reads it: nothing is sent anywhere.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from fastapi import FastAPI

from demo.asking.service import Service
from demo.catalogue import Catalogue
from demo.measurements import Measurements
from demo.page import layout
from demo.parts import Parts
from demo.routes import add_routes
from demo.uploads.intake import Limits
from demo.uploads.kept import Kept

_SWEEP_SECONDS = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What is served and within which limits; the flags of ``demo.app`` tell of each."""

    collections: tuple[Path, ...]
    megabytes: float = 25.0
    megapixels: float = 50.0
    keep_minutes: float = 30.0
    seconds: float = 30.0
    at_once: int = 16
    queue: int = 64


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
    add_routes(server, parts)
    page = layout.build_page(parts)
    page.queue(max_size=settings.queue, default_concurrency_limit=settings.at_once)
    gr.mount_gradio_app(
        server, page, path="/", allowed_paths=[], show_error=False, footer_links=[],
        max_file_size=0, ssr_mode=False, run_history=False, enable_monitoring=False,
        theme=layout.theme(), css=layout.STYLE, head=layout.HEAD,
    )  # fmt: skip
    return server


def _parts(settings: ServerSettings) -> Parts:
    catalogue, measurements = Catalogue(settings.collections), Measurements()
    limits = Limits(bytes=int(settings.megabytes * 1e6), pixels=int(settings.megapixels * 1e6))
    kept = Kept(limits, minutes=settings.keep_minutes)
    measurements.gauge("landmark_uploads_kept", "Uploaded photographs.", lambda: len(kept))
    service = Service(
        catalogue, measurements, most=settings.queue + settings.at_once, seconds=settings.seconds
    )
    return Parts(catalogue=catalogue, service=service, kept=kept, measurements=measurements)


def _lifespan(parts: Parts):  # type: ignore[no-untyped-def]
    @contextlib.asynccontextmanager
    async def lifespan(server: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(parts.kept))
        try:
            yield
        finally:
            sweeping.cancel()
            parts.kept.close()

    return lifespan


async def _sweep(kept: Kept) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        kept.sweep()
