"""What docs/demo.md writes runs as it stands, against a server of its own process."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from demo.app import Settings as AppSettings
from demo.serving import serving
from demo.settings import ServerSettings
from tests.tiny import Tiny

PAGE = (Path(__file__).parents[2] / "docs" / "demo.md").read_text()
WRITTEN = "http://127.0.0.1:7860"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def commands(program: str) -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line))[:1] == [program]]


@pytest.fixture(scope="module")
def address(tiny: Tiny) -> Iterator[str]:
    """A server that listens, as curl and gradio_client need one."""
    settings = ServerSettings(collections=(str(tiny.model.parent),), changes=False)
    with serving(settings) as address:
        yield address.rstrip("/")


@pytest.fixture
def folder(tiny: Tiny, tmp_path: Path) -> Path:
    shutil.copy(tiny.photos / "landmark 1" / "0.jpg", tmp_path / "query.jpg")
    return tmp_path


def test_the_python_code_runs(address: str, folder: Path) -> None:
    (code,) = blocks("python")
    finished = subprocess.run(
        [sys.executable, "-c", code.replace(WRITTEN, address)],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    *_, found, probability, methods = finished.stdout.strip().splitlines()
    assert "'is_confident'" in found
    assert "/photographs/model/squares-flat/" in found
    assert probability == "None", "24 photographs are too few to calibrate"
    assert "model/squares-flat" in methods


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_commands_run(address: str, folder: Path) -> None:
    written = commands("curl")
    assert len(written) == 6
    answers: list[Any] = []
    for words in written:
        asked = [word.replace(WRITTEN, address) for word in words]
        finished = subprocess.run(
            [*asked, "--silent", "--fail-with-body"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert finished.returncode == 0, f"{shlex.join(asked)}\n{finished.stdout}"
        answers.append(finished.stdout)
    search, part, recognised, collections, health, metrics = answers
    assert len(json.loads(search)["results"]) == 5
    assert json.loads(part)["results"] == [], "no photograph of the collection names a licence"
    assert set(json.loads(recognised)) == {"landmark", "probability", "is_confident"}
    assert json.loads(collections)[0]["name"] == "squares"
    assert json.loads(health)["status"] == "ok"
    for name in re.findall(r"`(landmark_\w+)`", PAGE):
        assert name in metrics


def test_ids_with_percent_signs_are_no_paths(address: str) -> None:
    for crafted in ("%252e%252e%252fetc%252fpasswd", "..%2f..%2fetc%2fpasswd", "%00", "%25"):
        with (
            pytest.raises(OSError, match="404"),
            urlopen(f"{address}/photographs/model/squares-flat/{crafted}"),
        ):
            pass


def test_the_flags_that_are_written_exist_with_the_defaults_written() -> None:
    known = {name: field.default for name, field in AppSettings.__dataclass_fields__.items()}
    assert set(re.findall(r"--(\w+)", " ".join(blocks("sh")))) - {"user"} <= set(known)
    rows = re.findall(r"^\| (`--\w+[^|]*) \|([^|]*)\|", PAGE, flags=re.MULTILINE)
    assert len(rows) == 8
    spelled = {"": "None", "off": "False"}
    for names, defaults in rows:
        written = [told.strip(" `") for told in defaults.split(", ")]
        for flag, told in zip(re.findall(r"`--(\w+)", names), written, strict=True):
            assert str(known[flag]).removesuffix(".0") == spelled.get(told, told), flag
