"""Requests that come all at once, or never end."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from demo.protection.body_limit import BodyLimit
from demo.protection.connections import limited
from demo.protection.open_requests import OpenRequests
from demo.server import build_server
from demo.settings import ServerSettings
from pipeline.engine import Engine
from tests.tiny import Tiny


def asked(app: Any, ask: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def run() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            await ask(client)

    asyncio.run(run())


def test_of_a_flood_what_does_not_fit_is_refused_at_once_and_health_is_told_meanwhile(
    tiny: Tiny, photograph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ServerSettings(
        collections=(str(tiny.model.parent),), changes=False, at_once=1, queue=4, behind_proxy=True
    )
    go_on, ask = threading.Event(), Engine.ask

    def slow(self: Engine, *arguments: Any, **named: Any) -> Any:
        go_on.wait(30)
        return ask(self, *arguments, **named)

    monkeypatch.setattr(Engine, "ask", slow)

    async def flood(client: httpx.AsyncClient) -> None:
        def post(number: int) -> Awaitable[httpx.Response]:
            headers = {"x-forwarded-for": f"10.0.0.{number}"}
            return client.post("/api/search", files={"file": photograph}, headers=headers)

        tasks = [asyncio.ensure_future(post(number)) for number in range(45)]
        refused = [
            task.result()
            for task in (await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))[0]
        ]
        while len([task for task in tasks if not task.done()]) > 5:
            await asyncio.sleep(0.01)
        assert {one.status_code for one in refused} == {503}
        assert int(refused[0].headers["retry-after"]) >= 1
        assert "Too many people" in refused[0].json()["detail"]
        for address in ("/health", "/metrics"):
            assert (await asyncio.wait_for(client.get(address), 10)).status_code == 200
        go_on.set()
        codes = [answer.status_code for answer in await asyncio.gather(*tasks)]
        assert sorted(codes) == [200] * 5 + [503] * 40

    asked(build_server(settings), flood)


def test_one_client_has_so_many_requests_open_and_others_are_let_in() -> None:
    end = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await end.wait()
        await PlainTextResponse("end")(scope, receive, send)

    async def ask(client: httpx.AsyncClient) -> None:
        mine = {"x-forwarded-for": "1.2.3.4"}
        tasks = [asyncio.ensure_future(client.get("/", headers=mine)) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await client.get("/", headers=mine)
        assert refused.status_code == 429
        other = asyncio.ensure_future(client.get("/", headers={"x-forwarded-for": "1.2.3.5"}))
        await asyncio.sleep(0)
        end.set()
        for task in (*tasks, other):
            assert (await task).text == "end"
        assert (await client.get("/", headers=mine)).text == "end"

    asked(OpenRequests(stream, is_behind_proxy=True, most=2), ask)


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await PlainTextResponse("read")(scope, receive, send)

    async def slow() -> Any:
        yield b"begun"
        await asyncio.sleep(30)
        yield b"end"

    async def ask(client: httpx.AsyncClient) -> None:
        answer = await client.post("/", content=slow())
        assert answer.status_code == 408
        assert "too slowly" in answer.json()["detail"]
        assert (await client.post("/", content=b"quick")).text == "read"

    asked(BodyLimit(read, bytes=100, seconds=0.05), ask)


def test_silent_connections_are_closed_and_one_address_has_only_so_many() -> None:
    async def run() -> None:
        config = uvicorn.Config(
            PlainTextResponse("here"), port=0, http=limited(2, seconds=0.2), lifespan="off",
            log_level="warning",
        )  # fmt: skip
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        third, third_writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(third.read(), 10) == b"", "closed at once"
        silent, asking = opened
        asking[1].write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await asyncio.wait_for(asking[0].readline(), 10)).startswith(b"HTTP/1.1 200")
        assert await asyncio.wait_for(silent[0].read(), 10) == b""
        for writer in (third_writer, silent[1], asking[1]):
            writer.close()
            await writer.wait_closed()
        server.should_exit = True
        await serving

    asyncio.run(run())
