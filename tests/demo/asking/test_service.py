import threading
import time

import numpy as np
import pytest

from demo.asking.admission import Admission
from demo.asking.query import Query
from demo.asking.service import Service
from demo.catalogue import Catalogue
from demo.measurements import Measurements
from demo.refusals import Busy, NotFound, Refused, Unavailable
from pipeline.engine import Engine
from pipeline.index import filters
from pipeline.query_photograph import read_photograph
from pipeline.ranking.settings import RankingSettings
from tests.tiny import Tiny

METHOD = "model/squares-flat"


@pytest.fixture(scope="module")
def catalogue(tiny: Tiny) -> Catalogue:
    return Catalogue([tiny.model.parent])


@pytest.fixture(scope="module")
def image(tiny: Tiny) -> np.ndarray:
    return read_photograph(tiny.photos / "landmark 1" / "0.jpg")


@pytest.fixture
def service(catalogue: Catalogue) -> Service:
    return Service(catalogue, Measurements())


def test_a_query_is_answered_as_the_engine_answers_it(
    service: Service, tiny: Tiny, image: np.ndarray
) -> None:
    where = filters.parse(["landmark!=landmark 2"])
    found = service.ask(
        Query(
            photograph=image, method=METHOD, k=5, box=(3, 4, 40, 30), where=where,
            ranking=RankingSettings(expand=2, diffuse=4, keep_first=True),
        )
    )  # fmt: skip
    expected = Engine(tiny.index).ask(
        image, 5, (3, 4, 40, 30), where,
        ranking=RankingSettings(expand=2, diffuse=4, keep_first=True),
    )  # fmt: skip
    ids = [result.photograph.id for result in found.answer.results]
    assert ids == [result.photograph.id for result in expected.results]
    assert found.method.name == METHOD
    names = [step.name for step in found.steps]
    assert names == ["description", "search", "reordering"]
    assert all(step.milliseconds > 0 for step in found.steps)


def test_the_photograph_that_asks_is_not_reordered_with(
    service: Service, image: np.ndarray
) -> None:
    own = service.ask(Query(photograph=image, method=METHOD, k=1)).answer.results[0].photograph
    settings = RankingSettings(expand=2)
    asked = Query(photograph=image, method=METHOD, k=24, ranking=settings, without=own.id)
    found = service.ask(asked).answer.results
    assert len(found) == 23
    assert own.id not in [result.photograph.id for result in found]


def test_a_photograph_is_read_in_the_querys_turn_and_time(
    catalogue: Catalogue, image: np.ndarray
) -> None:
    service = Service(catalogue, Measurements(), room=Admission(at_once=1, queue=0))

    def read() -> Query:
        with pytest.raises(Busy, match="Too many people"), service.room.place():
            pass
        return Query(photograph=image, method=METHOD)

    assert service.ask(read).steps[0].name == "photograph"
    late = Service(catalogue, Measurements(), seconds=0.2)

    def read_slowly() -> Query:
        time.sleep(0.3)
        return Query(photograph=image, method=METHOD)

    with pytest.raises(Busy, match="took longer than"):
        late.ask(read_slowly)


def test_a_large_photograph_is_described_as_it_is(
    service: Service, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the collection's were: reduced before, it would get another description."""
    ask, seen = Engine.ask, []

    def seeing(self: Engine, asked: np.ndarray, *arguments: object, **named: object) -> object:
        seen.append(asked.shape[:2])
        return ask(self, asked, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "ask", seeing)
    large = np.kron(image, np.ones((1, 4096 // image.shape[1], 1), np.uint8))
    for box in (None, (0, 0, 2000, 20)):
        service.ask(Query(photograph=large, method=METHOD, box=box))
    assert seen == [large.shape[:2]] * 2


@pytest.mark.parametrize("k", [0, -1, 101, 10**9])
def test_the_number_of_results_is_limited(image: np.ndarray, k: int) -> None:
    with pytest.raises(Refused, match="is 1 to 100"):
        Query(photograph=image, method=METHOD, k=k)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (RankingSettings(fuse=("/etc",)), "fuse"),
        (RankingSettings(augment=3), "augment"),
        (RankingSettings(expand=3, candidates=10**9), "candidates"),
        (RankingSettings(expand=101), "at most 100"),
        (RankingSettings(diffuse=1000), "at most 100"),
    ],
)
def test_what_would_open_folders_or_cost_much_is_refused(
    image: np.ndarray, settings: RankingSettings, told: str
) -> None:
    with pytest.raises(Refused, match=told):
        Query(photograph=image, method=METHOD, ranking=settings)


def test_conditions_tell_nothing_of_the_server(
    service: Service, image: np.ndarray, tiny: Tiny
) -> None:
    for written in ("shard~/", "offset>=0", "content~a", "nothing=1"):
        query = Query(photograph=image, method=METHOD, where=filters.parse([written]))
        with pytest.raises(Refused, match="is on no column") as told:
            service.ask(query)
        columns = str(told.value).rpartition("which has ")[2]
        assert "landmark" in columns
        assert "shard" not in columns
    assert "shard" not in service.columns(METHOD)
    assert "license" in service.columns(METHOD)
    conditions = filters.parse(["landmark=a"] * 21)
    with pytest.raises(Refused, match="at most 20 conditions"):
        Query(photograph=image, method=METHOD, where=conditions)


def test_what_a_user_can_mend_is_told(service: Service, image: np.ndarray) -> None:
    with pytest.raises(Refused, match="has to hold a part of the photograph"):
        service.ask(Query(photograph=image, method=METHOD, box=(90, 90, 95, 95)))
    with pytest.raises(NotFound, match="There are: "):
        service.ask(Query(photograph=image, method="none"))
    with pytest.raises(NotFound, match="can verify"):
        service.ask(Query(photograph=image, method=METHOD, verify="model"))


def test_what_is_the_servers_fault_is_told_without_paths(
    service: Service, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("/home/ada/secret/shard is missing")

    monkeypatch.setattr(Engine, "ask", missing)
    with pytest.raises(Unavailable, match="log tells more") as told:
        service.ask(Query(photograph=image, method=METHOD))
    assert "secret" not in str(told.value)

    def wrong(*_: object, **__: object) -> None:
        raise ValueError("/home/ada/secret/shard has no part 3/4; see https://example.com/a/b.")

    monkeypatch.setattr(Engine, "ask", wrong)
    with pytest.raises(Refused, match=r"^shard has no part 3/4; see https://example.com/a/b\.$"):
        service.ask(Query(photograph=image, method=METHOD))


def test_more_queries_than_there_is_room_for_are_refused_and_the_others_answered(
    catalogue: Catalogue, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurements = Measurements()
    service = Service(catalogue, measurements, room=Admission(at_once=2, queue=0))
    query = Query(photograph=image, method=METHOD)
    ask = Engine.ask
    inside, go_on = threading.Semaphore(0), threading.Event()

    def slow(self: Engine, *arguments: object, **named: object) -> object:
        inside.release()
        go_on.wait(30)
        return ask(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "ask", slow)
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda: answers.append(service.ask(query))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=30)
    assert inside.acquire(timeout=30)
    with pytest.raises(Busy, match="Too many people"):
        service.ask(query)
    assert "landmark_queries_running 2" in measurements.text()
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(answers) == 2
    service.ask(query)  # there is room again
    assert 'landmark_queries_total{end="answered"} 3' in measurements.text()
    assert 'landmark_queries_total{end="refused"} 1' in measurements.text()


def test_a_query_without_time_is_given_up_before_its_next_step(
    catalogue: Catalogue, image: np.ndarray
) -> None:
    service = Service(catalogue, Measurements(), seconds=-1)
    with pytest.raises(Busy, match="took longer than"):
        service.ask(Query(photograph=image, method=METHOD))


def test_concurrent_queries_of_all_kinds_are_answered_as_alone(
    service: Service, tiny: Tiny
) -> None:
    images = [read_photograph(path) for path in sorted(tiny.photos.rglob("*.jpg"))[:8]]
    switches = [RankingSettings(), RankingSettings(expand=2), RankingSettings(diffuse=3)]
    queries = [
        Query(photograph=images[n % 8], method=METHOD, k=4, ranking=switches[n % 3])
        for n in range(24)
    ]
    expected = [_ids(service, query) for query in queries]
    found: dict[int, list[str]] = {}

    def ask(number: int) -> None:
        found[number] = _ids(service, queries[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(24)] == expected


def _ids(service: Service, query: Query) -> list[str]:
    return [result.photograph.id for result in service.ask(query).answer.results]
