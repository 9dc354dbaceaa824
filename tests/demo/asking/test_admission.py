import asyncio
import contextlib
import threading

import pytest

from demo.asking.admission import Admission, held
from demo.asking.pixels import PixelBudget
from demo.refusals import Busy, TooOften


def test_so_many_are_worked_at_the_others_wait_in_order_and_more_are_refused() -> None:
    room = Admission(at_once=1, queue=2)
    order: list[str] = []
    with room.place() as first:
        first.wait(1)

        def ask(name: str, waits: threading.Event) -> None:
            with room.place() as place:
                waits.set()
                place.wait(30)
                order.append(name)

        threads = []
        for name in ("second", "third"):
            waits = threading.Event()
            threads.append(threading.Thread(target=ask, args=(name, waits)))
            threads[-1].start()
            assert waits.wait(30)
        with pytest.raises(Busy, match="Too many people"), room.place():
            pass
        assert order == []
    for thread in threads:
        thread.join()
    assert sorted(order) == ["second", "third"]
    with room.place() as again:
        again.wait(1)


def test_a_turn_that_does_not_come_in_time_is_refused_and_the_next_still_gets_one() -> None:
    room = Admission(at_once=1, queue=4)

    async def ask() -> None:
        with room.place() as working:
            await working.wait_async(1)
            with room.place() as waiting, pytest.raises(Busy, match="Too many people"):
                await waiting.wait_async(0.02)
            with room.place() as waiting, pytest.raises(Busy, match="Too many people"):
                waiting.wait(0.02)
        with room.place() as place:
            await place.wait_async(1)

    asyncio.run(ask())


def test_one_client_has_only_its_share_of_those_that_wait() -> None:
    room = Admission(at_once=1, queue=8)  # 1 + 8 / 4
    with room.place("ada"), room.place("ada"), room.place("ada"):
        with pytest.raises(TooOften, match="Wait for the answers"), room.place("ada"):
            pass
        with room.place("bob") as place:
            assert held() is place
    assert held() is None
    with room.place("ada"):
        pass


def test_pixels_are_waited_for_and_a_photograph_of_more_than_all_has_all() -> None:
    budget = PixelBudget(100)
    several = contextlib.ExitStack()
    with several:
        for pixels in (60, 40):
            several.enter_context(budget.hold(pixels, 1))
        with pytest.raises(Busy, match="large photographs"):
            several.enter_context(budget.hold(1, 0.02))
    with budget.hold(1000, 1), pytest.raises(Busy), budget.hold(1, 0.02):
        pass
    with budget.hold(100, 1):
        pass
