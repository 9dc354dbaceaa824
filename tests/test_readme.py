"""README's commands and code run as they stand, in its order, on a tiny folder of photographs."""

import importlib
import json
import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from pipeline.report import Settings, report
from tests.tiny import write_photographs

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
# Nothing is downloaded in a test, and a from-scratch network of 32 pixels trains in seconds.
TINY_TRAINING = shlex.split(
    "--backbone=small --weights=none --image_size=32 --epochs=1 --landmarks_per_batch=2"
)


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def _commands(program: str) -> list[list[str]]:
    blocks = [block.replace("\\\n", " ") for block in _blocks("sh")]
    lines = [line for block in blocks for line in block.splitlines()]
    split = [shlex.split(line, comments=True) for line in lines]
    return [words for words in split if words[:1] == [program]]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, triplet_files: list[Path]) -> Path:
    """Holds what README's commands name: photos/, query.jpg and triplets/."""
    folder = tmp_path_factory.mktemp("readme")
    write_photographs(folder / "photos", landmarks=5, photographs=4)
    shutil.copy(folder / "photos" / "landmark 1" / "2.jpg", folder / "query.jpg")
    shutil.copytree(triplet_files[0].parent, folder / "triplets")
    return folder


def test_every_stage_runs_as_readme_writes_it(folder: Path) -> None:
    commands = [words for words in _commands("python") if words[2] != "demo.app"]
    stages = [words[2].removeprefix("pipeline.") for words in commands]
    assert stages == [
        "build_records", "check_records", "train", "export", "embed", "build_index", "search",
        "search", "evaluate", "report", "evaluate", "export", "extract", "search",
        "train", "evaluate_triplets",
    ]  # fmt: skip
    short = [
        [*words, *(TINY_TRAINING if words[2] == "pipeline.train" else [])] for words in commands
    ]
    (folder / "commands.json").write_text(json.dumps(short))
    finished = subprocess.run(
        [sys.executable, "-m", "tests.commands", "commands.json", "told.json"],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    told = json.loads((folder / "told.json").read_text())
    assert len(told) == len(commands)
    assert all(text.strip() for text in told)
    assert (folder / "results.png").is_file()


def test_the_page_is_served_by_readmes_command(folder: Path) -> None:
    (words,) = [words for words in _commands("python") if words[2] == "demo.app"]
    with subprocess.Popen(
        [sys.executable, *words[1:], "--port=7869"],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            assert select.select([server.stdout], [], [], 120)[0], "no address within two minutes"
            address = re.search(r"http://\S+", server.stdout.readline())
            assert address is not None
            assert "Landmark retrieval" in _page(address.group())
        finally:
            server.terminate()


def _page(address: str, seconds: int = 60) -> str:
    for _ in range(seconds):
        try:
            with urllib.request.urlopen(address) as response:
                return response.read().decode()
        except OSError:
            time.sleep(1)
    raise AssertionError(f"{address} did not answer within {seconds} seconds")


def test_readmes_python_code_runs(folder: Path) -> None:
    (code,) = _blocks("python")
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "(1, 512)"


def test_readmes_make_targets_exist() -> None:
    targets = {word for words in _commands("make") for word in words[1:] if "=" not in word}
    assert {"demo", "test"} <= targets
    for target in targets:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, check=True)


def test_readme_stays_short_enough_to_read() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize(
    "page",
    [
        *("README.md", "tfrecords/README.md", "exported/README.md"),
        *("docs/training.md", "docs/indexes.md", "docs/reordering.md", "docs/words.md"),
        *("docs/local_features.md", "docs/evaluation.md", "docs/comparison.md"),
        *("docs/demo.md", "docs/own_collections.md"),
    ],
)
def test_every_command_names_a_stage_and_flags_that_it_has(page: str) -> None:
    """Also where a command would fetch what no test may."""
    text = (ROOT / page).read_text().replace("\\\n", " ")
    flag = r" +--\w+(?:=(?:'[^']*'|\S+))?"
    commands = re.findall(rf"python -m ((?:pipeline|demo)\.\w+)((?:{flag})*)", text)
    assert commands
    for stage, flags in commands:
        known = importlib.import_module(stage).Settings.__dataclass_fields__
        names = re.findall(r"--(\w+)", flags)
        assert set(names) <= set(known), f"{stage} has no {set(names) - set(known)}"


def test_tables_of_scores_are_those_of_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of README and the guides; ``python -m pipeline.report`` writes them anew."""
    monkeypatch.chdir(ROOT)
    settings = Settings(check=True)
    assert "README.md" in settings.pages
    assert report(settings) == []
