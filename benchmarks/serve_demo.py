"""How fast the demo answers, alone and with many users, and what its start and memory cost.

    python -m benchmarks.serve_demo --work=DIR [--weights=FILE] [--photographs=5000] [--users=20]

Renders a synthetic city, has MobileNetV2 describe it (kept in DIR for the next run), starts
``demo.app`` as a process of its own, and asks it as the page does, then from the page, where there
is a Chromium. Every wait is told beside what the same model and index take for the same photograph
without a server, measured in turns with it.
Weights drawn at random, ``--weights=none``, do for durations but not for landmarks, and cost a
little less than trained ones.
"""

import pipeline  # noqa: F401, I001  # first, so that TensorFlow starts quietly

import argparse
import collections
import contextlib
import functools
import http.client
import itertools
import json
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import httpx
import numpy as np
from playwright.sync_api import FilePayload, sync_playwright

from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.data.synthetic_city import CitySettings, render_photograph
from pipeline.data.transcoding import decode_any_photograph
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.engine import Engine
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.index.collection import changing
from pipeline.train import Settings as TrainSettings
from pipeline.train import train

_METHOD = "mobilenet_v2/city-flat"
_A_LANDMARK = 16  # photographs
_SIZE = 256  # pixels
_K = 10
_FORM = {"k": str(_K), "method": _METHOD}
_LIMIT = 1_000_000  # requests a minute: one machine plays all users
_START_SECONDS = 120
_MOST_OF_A_CLICK = 1.3
_MOST_OF_MANY = 4
_CLICK = """() => new Promise((done, fail) => {
  const shown = document.querySelector("#results .body");
  const start = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    if (!shown.querySelector(".gallery li")) fail(new Error(shown.textContent));
    done(performance.now() - start);
  }).observe(shown, { childList: true });
  document.querySelector("#search-button").click();
})"""


def main() -> None:
    """Measures one thing after the other on one server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--weights", default="none")
    parser.add_argument("--photographs", type=int, default=5000)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--queries", type=int, default=2000, help="over which memory is watched")
    parser.add_argument("--rounds", type=int, default=100, help="of the lone user")
    parser.add_argument("--port", type=int, default=7950)
    arguments = parser.parse_args()
    index = _collection(arguments.work, arguments.weights, arguments.photographs)
    city = CitySettings(landmarks=20, photographs_per_landmark=1, size=_SIZE, seed=2)
    photographs = [_encoded(render_photograph(city, number, 0)) for number in range(20)]
    with _server(arguments.work / "exported", arguments.port, photographs[0]) as user:
        lone = _alone(user, index, photographs, arguments.rounds)
        _on_the_page(user, index, photographs[0], arguments.rounds)
        _together(user, photographs, arguments.users, lone)
        _memory(user, photographs, arguments.queries)
        _replaced(user, index, photographs)


def _collection(work: Path, weights: str, photographs: int) -> Path:
    """The index, made by the stages; what is finished is not done again."""
    records = build_records(
        RecordSettings(
            output=work / "tfrecords" / "city",
            split=("index",),
            city_landmarks=photographs // _A_LANDMARK,
            city_photographs=_A_LANDMARK,
            city_distractors=photographs % _A_LANDMARK,
            city_size=_SIZE,
        )
    )
    learning = build_records(RecordSettings(output=work / "tfrecords" / "learning", seed=1))
    model = work / "exported" / "mobilenet_v2"
    train(
        TrainSettings(
            output=model,
            records=learning,
            backbone="mobilenet_v2",
            weights=weights,
            dimension=256,
            epochs=0,
        )
    )
    export(ExportSettings(model=model))
    embed(EmbedSettings(model=model, records=records))
    return build_index(IndexSettings(model=model, data=("city",)))


def _encoded(image: np.ndarray) -> bytes:
    encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    return encoded.tobytes()


class _User:
    """Somebody at the page: uploads first, then asks; or a program."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, timeout=120)
        # A click is a few milliseconds, of which a browser spends none in httpx.
        self._plain = http.client.HTTPConnection(self.client.base_url.netloc.decode(), timeout=120)

    def upload(self, photograph: bytes) -> str:
        answer = self.client.post("/uploads", files={"file": photograph}).raise_for_status()
        token: str = answer.json()["token"]
        return token

    def click(self, token: str) -> dict[str, object]:
        """From a click to what the page shows, by the request of its script."""
        sent = {"photograph": {"token": token}, "fields": {"method": _METHOD, "k": _K}}
        headers = {"Content-Type": "application/json"}
        self._plain.request("POST", "/asked/search", json.dumps(sent), headers)
        answer = self._plain.getresponse()
        told = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"The server answered {answer.status}: {told.decode()}")
        shown: dict[str, object] = json.loads(told)
        return shown

    def call(self, token: str) -> dict[str, object]:
        """As gradio_client does, through Gradio's queue, which forgets the photograph."""
        file = {"path": token, "meta": {"_type": "gradio.FileData"}}
        sent = {"photograph": file, "method": _METHOD, "k": _K}
        event = self.client.post("/gradio_api/call/v2/search", json=sent).raise_for_status().json()
        told = self.client.get(f"/gradio_api/call/search/{event['event_id']}").text
        complete = re.search(r"event: complete\ndata: (.*)", told)
        if complete is None:
            raise RuntimeError(f"The server answered: {told}")
        found: dict[str, object] = json.loads(complete.group(1))[0]
        return found

    def post(self, photograph: bytes) -> dict[str, object]:
        """One request, as curl makes it."""
        answer = self.client.post("/api/search", files={"file": photograph}, data=_FORM)
        found: dict[str, object] = answer.raise_for_status().json()
        return found

    def memory(self) -> float:
        """MiB of the server."""
        return self._measured("landmark_memory_bytes") / 2**20

    def batches(self) -> str:
        text = self.client.get("/metrics").text
        found = re.findall(r'^landmark_batches_total\{size="(\d+)"\} (\d+)', text, re.MULTILINE)
        return ", ".join(f"{count} of {size}" for size, count in found)

    def _measured(self, name: str) -> float:
        found = re.search(rf"^{name} (\S+)", self.client.get("/metrics").text, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"The server measures no {name}.")
        return float(found.group(1))


@contextlib.contextmanager
def _server(exported: Path, port: int, photograph: bytes) -> Iterator[_User]:
    """The demo in a process of its own; tells what its start took."""
    flags = [f"--collections={exported}", f"--port={port}", f"--per_minute={_LIMIT}"]
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "demo.app", *flags]) as process:
        try:
            user = _User(f"http://127.0.0.1:{port}")
            _wait_until_healthy(user, process)
            healthy = time.perf_counter() - start
            found = user.post(photograph)
            print(f"start to first answer: {time.perf_counter() - start:.1f} s")
            print(
                f"  imports, catalogue and page: {healthy:.1f} s; imports alone {_imports():.1f} s"
            )
            print(f"  first answer: {found['milliseconds']}, with model and index opened before")
            yield user
        finally:
            process.terminate()


def _wait_until_healthy(user: _User, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            user.client.get("/health").raise_for_status()
            return
        time.sleep(0.05)
    raise RuntimeError("The demo did not start.")


def _imports() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import demo.app"], check=True)
    return time.perf_counter() - start


def _alone(user: _User, index: Path, photographs: list[bytes], rounds: int) -> float:
    """A lone user's waits beside forward and search without a server; seconds of a click."""
    engine = Engine(index)
    images = [decode_any_photograph(one) for one in photographs]
    waits: dict[str, list[float]] = collections.defaultdict(list)
    for number in range(rounds + 5):
        photograph = photographs[number % len(photographs)]
        image = images[number % len(images)]
        token = user.upload(photograph)
        asked: dict[str, Callable[[], object]] = {
            "forward and search": functools.partial(_forward_and_search, engine, image),
            "click": functools.partial(user.click, token),
            "POST /api/search": functools.partial(user.post, photograph),
            "gradio_client": functools.partial(user.call, token),
        }
        for name, ask in asked.items():
            start = time.perf_counter()
            ask()
            waits[name].append(time.perf_counter() - start)
    waits = {name: each[5:] for name, each in waits.items()}  # the first ones warm up
    reference = waits["forward and search"]
    print(f"alone, {rounds} times in turns:")
    for name, each in waits.items():
        ratio = statistics.median(np.divide(each, reference))
        print(f"  {name}: median {1000 * statistics.median(each):.1f} ms, {ratio:.2f} x forward")
    print(f"  of a click at most {_MOST_OF_A_CLICK} x is wanted")
    return statistics.median(waits["click"])


def _on_the_page(user: _User, index: Path, photograph: bytes, rounds: int) -> None:
    """From a click in Chromium until the results are in the page, pictures not counted."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no Chromium: nothing is clicked on the page")
        return
    engine, image = Engine(index), decode_any_photograph(photograph)
    clicks, reference = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(str(user.client.base_url))
        sent: FilePayload = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photograph}
        page.locator("#photograph input.file").set_input_files(sent)
        page.locator("#photograph .stage img").wait_for()
        for _ in range(rounds + 5):
            page.wait_for_timeout(50)  # the pictures of the last click are drawn
            clicks.append(page.evaluate(_CLICK) / 1000)
            start = time.perf_counter()
            _forward_and_search(engine, image)
            reference.append(time.perf_counter() - start)
        browser.close()
    ratio = statistics.median(np.divide(clicks[5:], reference[5:]))
    middle = 1000 * statistics.median(clicks[5:])
    print(f"  on the page, in Chromium: median {middle:.1f} ms, {ratio:.2f} x forward")


def _forward_and_search(engine: Engine, image: np.ndarray) -> None:
    vector = engine.descriptor.describe_images(image[None])
    engine.collection.search(vector, _K)


def _together(user: _User, photographs: list[bytes], users: int, lone: float) -> None:
    """All users click again and again, each as soon as the last answer is there."""
    clicks, waits, errors = 20, [], []
    address = str(user.client.base_url)

    def use(number: int) -> None:
        own = _User(address)
        for _ in range(clicks):
            token = own.upload(photographs[number % len(photographs)])
            start = time.perf_counter()
            try:
                own.click(token)
            except (httpx.HTTPError, OSError, RuntimeError) as error:
                errors.append(error)
            waits.append(time.perf_counter() - start)

    start = time.perf_counter()
    with ThreadPoolExecutor(users) as threads:
        list(threads.map(use, range(users)))
    seconds = time.perf_counter() - start
    middle, last = np.quantile(waits, [0.5, 0.99])
    print(f"{users} users at once, {clicks} clicks each: {len(errors)} errors")
    print(f"  {len(waits) / seconds:.1f} answers/s; of a lone user {1 / lone:.1f}")
    print(f"  median {1000 * middle:.0f} ms, p99 {1000 * last:.0f} ms")
    limited = users * lone
    print(
        f"  p99 is {last / limited:.2f} x what {users} lone clicks in a row take, {limited:.2f} s; "
        f"at most {_MOST_OF_MANY} is wanted"
    )
    print(f"  described together: {user.batches()}")


def _memory(user: _User, photographs: list[bytes], queries: int) -> None:
    """Resident memory while queries pass, the first eighth being warm-up."""
    told = []
    for number in range(queries):
        if number % max(1, queries // 8) == 0:
            told.append(user.memory())
        user.post(photographs[number % len(photographs)])
    told.append(user.memory())
    print(f"memory over {queries} queries: {', '.join(f'{one:.0f}' for one in told)} MiB")
    print(f"  {told[-1] - told[1]:+.1f} MiB after the first eighth")


def _replaced(user: _User, index: Path, photographs: list[bytes]) -> None:
    """Photographs are removed one by one while four users ask."""
    stop, answers, errors = threading.Event(), itertools.count(), []
    address = str(user.client.base_url)

    def use() -> None:
        own = _User(address)
        while not stop.is_set():
            try:
                own.post(photographs[0])
                next(answers)
            except httpx.HTTPError as error:
                errors.append(error)

    removing = _found(user, photographs[0])[:8]
    with ThreadPoolExecutor(4) as threads:
        try:
            for _ in range(4):
                threads.submit(use)
            for one in removing:
                with changing(index) as change:
                    change.remove([one])
                time.sleep(0.5)
            start = time.perf_counter()
            while set(_found(user, photographs[0])) & set(removing):
                if time.perf_counter() - start > _START_SECONDS:
                    raise RuntimeError("The demo goes on with an index that was replaced.")
            seconds = time.perf_counter() - start
        finally:
            stop.set()
    print(
        f"index replaced {len(removing)} times while serving: {next(answers)} answers, "
        f"{len(errors)} errors; the last one is asked {seconds:.1f} s after the last change"
    )


def _found(user: _User, photograph: bytes) -> list[str]:
    """Ids, best first."""
    results: list[dict[str, str]] = user.post(photograph)["results"]  # type: ignore[assignment]
    return [result["id"] for result in results]


if __name__ == "__main__":
    main()
