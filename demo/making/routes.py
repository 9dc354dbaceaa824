"""Addresses at which photographs arrive for a collection, and jobs are told and stopped."""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Request
from fastapi.concurrency import run_in_threadpool

from demo.catalogue import Catalogue
from demo.making.job import ENDED, Job
from demo.making.making import Making
from demo.refusals import TooLarge, shown
from demo.texts import Collections

_TOLD = 8  # jobs


def add_routes(server: FastAPI, making: Making, catalogue: Catalogue) -> None:
    """Adds the addresses to a server."""
    router = APIRouter()
    _add_arriving(router, making)

    @router.get("/jobs")
    def jobs() -> dict[str, Any]:
        """The last jobs, the newest first."""
        told = making.jobs.all()[:_TOLD]
        return {
            "jobs": [_told(job, making, catalogue) for job in told],
            "is_at_work": any(job.state not in ENDED for job in told),
        }

    @router.post("/jobs/{number}/cancel", status_code=204)
    def cancel(number: str) -> None:
        making.jobs.cancel(number)

    @router.post("/jobs/{number}/go_on", status_code=204)
    def go_on(number: str) -> None:
        making.jobs.go_on(number)

    server.include_router(router)


def _add_arriving(router: APIRouter, making: Making) -> None:
    @router.post("/arriving")
    def begin() -> dict[str, str]:
        """A basket that photographs can be put into."""
        return {"token": making.baskets.open()}

    # Not POST, of which one client may ask only some hundred a minute.
    @router.put("/arriving/{token}")
    async def arrive(
        request: Request, token: str, name: str = "", landmark: str = ""
    ) -> dict[str, int]:
        """Takes a photograph, the body of the request as it is."""
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > making.settings.limits.bytes:
                raise TooLarge(Collections.too_large(making.settings.limits.bytes))
        count = await run_in_threadpool(making.arrive, token, bytes(data), name, landmark)
        return {"count": count}

    @router.delete("/arriving/{token}", status_code=204)
    def forget(token: str) -> None:
        making.baskets.remove(token)


def _told(job: Job, making: Making, catalogue: Catalogue) -> dict[str, Any]:
    """A job as the page shows it; no path of the server is in it."""
    progress = making.jobs.progress() if job.state == "running" else None
    methods = catalogue.methods(job.collection) if job.state == "done" else []
    return {
        "id": job.id,
        "collection": job.collection,
        "title": Collections.TITLES[job.task].format(name=job.collection),
        "state": job.state,
        "said": str(shown(ValueError(job.said))) if job.said else "",
        "doing": "" if progress is None else Collections.doing(
            progress.said, progress.step, progress.steps, progress.done, progress.total,
            progress.left,
        ),
        "share": _share(progress.done, progress.total) if progress else None,
        "search": f"?{urlencode({'method': methods[0].name})}" if methods else "",
    }  # fmt: skip


def _share(done: int | None, total: int | None) -> float | None:
    """Of a step; None where it is not counted."""
    return done / total if done is not None and total else None
