"""Searching for programs: by ``gradio_client``, and by plain requests as curl makes them."""

import base64
import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import gradio as gr
import numpy as np
from fastapi import FastAPI, File, Form, Request, UploadFile

from demo import answers
from demo.answers import CollectionTold, RecognitionTold, SearchTold
from demo.asking import fields
from demo.asking.query import Found, Query
from demo.asking.turns import Turns
from demo.parts import Parts
from demo.refusals import NotFound, Refused, shown
from demo.uploads.intake import decode, pixels_of
from demo.uploads.kept import Kept
from pipeline.index import filters
from pipeline.ranking.settings import RankingSettings

_HOW_TO_SEND = "Send the photograph with handle_file, or its bytes in base64."
_SWITCH = "keep_first"  # the one setting of a ranking that is no count

# Gradio's FileData, whose path is a token; or base64. A form's bytes come as {"data": bytes}.
Sent = dict[str, Any] | str
Told = TypeVar("Told")


class Endpoints:
    """What programs can ask, whichever way they do.

    Args:
        parts: What answers.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def search(
        self,
        photograph: Sent,
        method: str = "",
        k: int = 10,
        box: list[int] | None = None,
        where: list[str] | None = None,
        verify: str = "",
        expand: int = 0,
        diffuse: int = 0,
        reciprocal: int = 0,
        refine: int = 0,
        keep_first: bool = False,
    ) -> SearchTold:
        """Finds the photographs of a collection that show what a photograph, or a part, shows.

        Args:
            photograph: ``handle_file("query.jpg")``, or the file's bytes in base64.
            method: One of those that ``/collections`` names; the first of them by default.
            k: How many results, 1 to 100.
            box: The part that shows the landmark: x1, y1, x2, y2 in pixels of the upright
                photograph; all of it by default.
            where: Conditions on results, such as ``license=CC0|CC BY 4.0``.
            verify: Extractor whose local features verify the first results; none by default.
            expand: Query expansion by so many results; 0 for none.
            diffuse: Diffusion over so many neighbours; 0 for none.
            reciprocal: k-reciprocal re-ranking among so many neighbours; 0 for none.
            refine: SuperGlobal's refinement of so many results; 0 for none.
            keep_first: Whether the best as found stays first.
        """
        found = self._ask(
            photograph, method, k, box, where or [], verify,
            {"expand": expand, "diffuse": diffuse, "reciprocal": reciprocal, "refine": refine,
             "keep_first": keep_first},
        )  # fmt: skip
        return answers.search_told(found)

    def recognise(
        self,
        photograph: Sent,
        method: str = "",
        box: list[int] | None = None,
    ) -> RecognitionTold:
        """Tells which landmark a photograph, or a part of one, shows, and how sure that is.

        Args:
            photograph: As for ``/search``.
            method: As for ``/search``.
            box: As for ``/search``.
        """
        return answers.recognition_told(self._ask(photograph, method, 1, box).answer)

    def collections(self) -> list[CollectionTold]:
        """Lists the collections, and by which methods each can be searched."""
        return answers.collections_told(self._parts.catalogue)

    def _ask(
        self,
        photograph: Sent,
        method: str,
        k: int,
        box: list[int] | None,
        where: list[str] | None = None,
        verify: str = "",
        ranking: dict[str, Any] | None = None,
    ) -> Found:
        read, pixels = self._sent(photograph)

        def query() -> Query:
            try:
                return Query(
                    photograph=read(),
                    method=fields.text(method, "method") or self._preferred(),
                    box=fields.box(box),
                    k=fields.whole(k, "k"),
                    where=filters.parse([fields.text(one, "where") for one in where or []]),
                    verify=fields.text(verify, "verify") or None,
                    ranking=_settings(ranking or {}),
                )
            except ValueError as error:
                raise shown(error) from error

        return self._parts.service.ask(query, pixels)

    def _sent(self, photograph: Sent) -> tuple[Callable[[], np.ndarray], int]:
        """What decodes a photograph that was sent, and how many pixels that will be."""
        kept = self._parts.kept
        token = photograph.get("path") if isinstance(photograph, dict) else None
        if isinstance(token, str):
            return functools.partial(_read_once, kept, token), kept.pixels(token)
        data = photograph.get("data") if isinstance(photograph, dict) else photograph
        if isinstance(data, str):
            try:
                data = base64.b64decode(data.rpartition("base64,")[2], validate=True)
            except ValueError as error:
                raise Refused("The photograph's bytes are not in base64.") from error
        if not isinstance(data, bytes):
            raise Refused(_HOW_TO_SEND)
        return functools.partial(decode, data, kept.limits), pixels_of(data, kept.limits)

    def _preferred(self) -> str:
        catalogue = self._parts.catalogue
        collections = catalogue.collections()
        if not collections:
            raise NotFound("There is no collection yet; make one on the page.")
        return catalogue.methods(collections[0])[0].name


def add_to_page(page: gr.Blocks, parts: Parts) -> None:
    """Adds the endpoints for ``gradio_client`` to a page; they wait in its queue."""
    endpoints = Endpoints(parts)
    with page:
        for endpoint in (endpoints.search, endpoints.recognise, endpoints.collections):
            name = endpoint.__name__
            gr.api(_with_gradios_errors(endpoint), api_name=name)
            if list(page.fns.values())[-1].api_name != name:
                raise ValueError(f"The page has an event of the name {name}; give it another.")


def _with_gradios_errors(endpoint: Callable[..., Told]) -> Callable[..., Told]:
    @functools.wraps(endpoint)
    def answer(*arguments: Any, **named: Any) -> Told:
        try:
            return endpoint(*arguments, **named)
        except Refused as refused:
            raise gr.Error(str(refused), print_exception=False) from refused

    return answer


_File = Annotated[UploadFile, File(description="JPEG, PNG, BMP, GIF or WebP.")]
_Method = Annotated[str, Form(description="One that /api/collections names.")]
_Box = Annotated[str, Form(description="x1,y1,x2,y2 in pixels of the upright photograph.")]


def add_routes(server: FastAPI, parts: Parts, turns: Turns) -> None:
    """Adds the same for plain requests, the photograph as a form's file."""
    endpoints = Endpoints(parts)

    async def ask(
        request: Request, file: UploadFile, endpoint: Callable[..., Told], **named: Any
    ) -> Told:
        """Reads the photograph when the request's turn has come, not before."""
        named["box"] = fields.box(named["box"])
        return await turns.run(request, lambda: endpoint({"data": file.file.read()}, **named))

    @server.post("/api/search")
    async def search(
        request: Request,
        file: _File,
        method: _Method = "",
        box: _Box = "",
        k: Annotated[int, Form()] = 10,
        where: Annotated[list[str], Form()] = [],  # noqa: B006  # FastAPI copies it
        verify: Annotated[str, Form()] = "",
        expand: Annotated[int, Form()] = 0,
        diffuse: Annotated[int, Form()] = 0,
        reciprocal: Annotated[int, Form()] = 0,
        refine: Annotated[int, Form()] = 0,
        keep_first: Annotated[bool, Form()] = False,
    ) -> SearchTold:
        return await ask(
            request,
            file,
            endpoints.search,
            method=method,
            k=k,
            box=box,
            where=where,
            verify=verify,
            expand=expand,
            diffuse=diffuse,
            reciprocal=reciprocal,
            refine=refine,
            keep_first=keep_first,
        )

    @server.post("/api/recognise")
    async def recognise(
        request: Request, file: _File, method: _Method = "", box: _Box = ""
    ) -> RecognitionTold:
        return await ask(request, file, endpoints.recognise, method=method, box=box)

    @server.get("/api/collections")
    def collections() -> list[CollectionTold]:
        return endpoints.collections()


def _read_once(kept: Kept, token: str) -> np.ndarray:
    """An upload of a program, which is forgotten when it was read."""
    try:
        return kept.read(token)
    finally:
        kept.forget(token)


def _settings(ranking: Mapping[str, Any]) -> RankingSettings:
    counts: dict[str, Any] = {
        name: fields.whole(value, name) for name, value in ranking.items() if name != _SWITCH
    }
    return RankingSettings(**counts, keep_first=bool(ranking.get(_SWITCH, False)))
