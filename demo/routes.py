"""Addresses besides the page: uploads, photographs, health, measurements."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.datastructures import UploadFile

from demo import measurements, pictures
from demo.asking.turns import Turns
from demo.parts import Parts
from demo.protection.answering import refusal
from demo.refusals import NotFound, Refused, Unavailable
from demo.uploads.intake import pixels_of

Width = Annotated[int | None, Query(ge=1, le=10_000)]
_SECONDS = 3600  # a browser keeps a photograph of a collection
_FILE = "file"  # name of the part of an upload; any other does as well


def add_routes(server: FastAPI, parts: Parts, turns: Turns) -> None:
    """Adds the addresses to a server."""
    router = APIRouter()
    _add_uploads(router, parts, turns)
    _add_photographs(router, parts)

    @router.get("/health")
    async def health() -> dict[str, object]:
        """Whether queries are answered, and what can be searched."""
        return {"status": "ok", "collections": len(parts.catalogue.collections())}

    @router.get("/metrics")
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(parts.measurements.text(), media_type=measurements.CONTENT_TYPE)

    server.include_router(router)
    server.add_exception_handler(Refused, _refused)
    server.add_exception_handler(RequestValidationError, _wrong_fields)


def _add_uploads(router: APIRouter, parts: Parts, turns: Turns) -> None:
    def keep(data: bytes) -> str:
        with parts.service.work(pixels_of(data, parts.kept.limits)) as times, times.step("upload"):
            return parts.kept.keep(data)

    def keep_and_look(data: bytes) -> dict[str, object]:
        token = keep(data)
        height, width = parts.kept.read(token).shape[:2]
        return {"token": token, "width": width, "height": height}

    @router.post("/uploads")
    async def upload(request: Request) -> dict[str, object]:
        data = await _sent_file(request)
        return await turns.run(request, lambda: keep_and_look(data))

    @router.post("/gradio_api/upload")
    async def upload_by_client(request: Request) -> list[str]:
        """Takes the place of Gradio's own, which keeps files as they are."""
        data = await _sent_file(request)
        return [await turns.run(request, lambda: keep(data))]

    @router.get("/kept/{token}")
    def kept(token: str, width: Width = None) -> Response:
        with parts.service.pixels.hold(parts.kept.pixels(token), parts.service.seconds):
            encoded = pictures.as_jpeg(parts.kept.read(token), width)
        return _picture(encoded, "private, no-store")

    @router.delete("/kept/{token}", status_code=204)
    def forget(token: str) -> None:
        parts.kept.forget(token)


def _add_photographs(router: APIRouter, parts: Parts) -> None:
    @router.get("/photographs/{model}/{index}/{photograph:path}")
    def photograph(
        request: Request, model: str, index: str, photograph: str, width: Width = None
    ) -> Response:
        stored = parts.catalogue.photograph(f"{model}/{index}", photograph)
        tag = f'"{hashlib.sha256(f"{stored.content} {width}".encode()).hexdigest()[:24]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304)
        try:
            image = stored.read_image()
        except FileNotFoundError as error:
            raise NotFound("The photograph is not on the server any more.") from error
        except (ValueError, OSError) as error:
            raise Unavailable("The photograph has changed since it was described.") from error
        caching = f"private, max-age={_SECONDS}"
        return _picture(pictures.as_jpeg(image, width), caching, tag)


async def _sent_file(request: Request) -> bytes:
    """The bytes of the one file in a form."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Refused(f"Send the photograph as a form's file: curl -F {_FILE}=@photograph.jpg")
    async with request.form(max_files=1, max_fields=8) as form:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        if len(files) != 1:
            raise Refused("Send one photograph at a time.")
        return await files[0].read()


def _picture(encoded: bytes, caching: str, tag: str | None = None) -> Response:
    headers = {"Cache-Control": caching, **({"ETag": tag} if tag else {})}
    return Response(encoded, media_type="image/jpeg", headers=headers)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    return refusal(error if isinstance(error, Refused) else Unavailable("This did not work."))


async def _wrong_fields(request: Request, error: Exception) -> JSONResponse:
    """Fields of a form or an address that are missing or none, in one text."""
    wrong = error.errors() if isinstance(error, RequestValidationError) else []
    told = "; ".join(f"{one['loc'][-1]}: {one['msg'][0].lower()}{one['msg'][1:]}" for one in wrong)
    return JSONResponse({"detail": f"{told}."}, status_code=422)
