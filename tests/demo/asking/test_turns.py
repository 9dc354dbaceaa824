import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from demo.asking.admission import Admission
from demo.asking.turns import Turns
from demo.refusals import Busy, Refused


async def gone() -> Message:
    return {"type": "http.disconnect"}


async def waiting() -> Message:
    await asyncio.sleep(60)
    raise AssertionError("nobody waits so long")


def request(receive: object) -> Request:
    scope = {"type": "http", "method": "POST", "path": "/asked/search", "headers": []}
    return Request(scope, receive)  # type: ignore[arg-type]


def test_nothing_is_done_for_who_has_gone() -> None:
    admission, done = Admission(at_once=1, queue=4), []
    turns = Turns(admission, 5)

    async def ask() -> None:
        with admission.place("one"), pytest.raises(Refused, match="Nobody waits"):
            await turns.run(request(gone), lambda: done.append("gone"))
        with admission.place("two"):
            await turns.run(request(waiting), lambda: done.append("waiting"))

    asyncio.run(ask())
    assert done == ["waiting"], "and the turn of the first is free again"


def test_who_waits_too_long_for_a_turn_is_told() -> None:
    admission = Admission(at_once=1, queue=4)
    turns = Turns(admission, 0.05)

    async def ask() -> None:
        with admission.place("one") as place:
            place.wait(1)
            with admission.place("two"), pytest.raises(Busy, match="Too many people"):
                await turns.run(request(waiting), lambda: None)

    asyncio.run(ask())


def test_without_a_place_nothing_is_worked_at() -> None:
    turns = Turns(Admission(at_once=1, queue=4), 5)
    with pytest.raises(RuntimeError, match="/asked/search has no place"):
        asyncio.run(turns.run(request(waiting), lambda: None))
