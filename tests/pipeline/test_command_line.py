"""Flags in this process, and whole commands in others (started without TensorFlow)."""

import dataclasses
import os
import re
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from absl import flags

import pipeline.build_records
import pipeline.train
from pipeline import command_line
from pipeline.command_line import setting

CHECKOUT = Path(__file__).parents[2]
STAGE = '''
import dataclasses, os, signal, sys, time, types
sys.modules["tensorflow"] = types.ModuleType("tensorflow")  # the command line needs none of it
from pipeline import command_line
from pipeline.command_line import setting

@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What the stage takes."""
    output: str = setting("Where to write.")
    count: int = setting("How many.", default=2)

    def __post_init__(self):
        if self.count < 0:
            raise ValueError(f"--count is at least 0. Received: {self.count}.")

def main(settings):
    if settings.output == "missing":
        raise FileNotFoundError("missing is gone; make it with `make`.")
    if settings.output == "defect":
        raise KeyError("defect")
    if settings.output == "long":
        # A shell's background jobs ignore it, and so would we.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    print(settings)

if __name__ == "__main__":
    command_line.run(main, Settings)
'''


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """One setting of every type a flag carries."""

    output: Path = setting("Where to write.")
    photos: Path | None = setting("Where from.", default=None)
    weights: str = setting("Which.", default="none")
    size: int = setting("Pixels.", default=224)
    shards: int | None = setting("How many.", default=None)
    rate: float = setting("Peak.", default=0.5)
    overwrite: bool = setting("Anew.", default=False)
    loss: Literal["triplet", "contrastive"] = setting("Which.", default="triplet")
    start: Literal["pca", "random"] | None = setting("How.", default=None)
    names: tuple[str, ...] = setting("Which ones.", default=("a", "b"))


@pytest.fixture
def parse() -> Iterator[Callable[..., Settings]]:
    """Defines the flags, parses arguments, and removes the flags again: absl has one set."""
    before = set(flags.FLAGS)

    def parse_arguments(*arguments: str) -> Settings:
        command_line.define_flags(Settings)
        flags.FLAGS(["stage", *arguments])
        return command_line.read_settings(Settings)

    yield parse_arguments
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)
    flags.FLAGS.unparse_flags()


def run_stage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs ``STAGE`` as a command from the checkout."""
    (folder / "stage.py").write_text(STAGE)
    command = [sys.executable, str(folder / "stage.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_flags_left_out_take_the_defaults_of_the_settings(
    parse: Callable[..., Settings],
) -> None:
    assert parse("--output=there") == Settings(output=Path("there"))


def test_settings_of_every_type_are_read_from_flags(parse: Callable[..., Settings]) -> None:
    arguments = ["output=x", "photos=y", "size=7", "shards=3", "rate=1e-5", "overwrite"]
    arguments += ["loss=contrastive", "start=random", "names=Sé,São Bento"]
    arguments += ["weights=~/file"]
    assert parse(*(f"--{argument}" for argument in arguments)) == Settings(
        output=Path("x"),
        photos=Path("y"),
        weights="~/file",
        size=7,
        shards=3,
        rate=1e-5,
        overwrite=True,
        loss="contrastive",
        start="random",
        names=("Sé", "São Bento"),
    )


def test_paths_differ_by_where_they_lead_not_by_how_they_are_written(
    parse: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    settings = parse("--output=~/models/", "--photos=./photos//")
    assert (settings.output, settings.photos) == (Path("/home/ana/models"), Path("photos"))


def test_an_empty_path_is_refused(parse: Callable[..., Settings]) -> None:
    with pytest.raises(ValueError, match="--photos is empty; name a file or a folder"):
        parse("--output=x", "--photos=")


def test_a_value_below_its_least_is_named_and_an_absent_one_is_not() -> None:
    settings = Settings(output=Path("x"), size=0, shards=None)
    command_line.require_at_least(settings, shards=1, rate=0.5, size=0)
    with pytest.raises(ValueError, match=r"--size is at least 1\. Received: 0\."):
        command_line.require_at_least(settings, shards=1, size=1)
    with pytest.raises(ValueError, match="--rate is at least 0"):
        command_line.require_at_least(Settings(output=Path("x"), rate=float("nan")), rate=0)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--loss=arcface", "value should be one of <triplet|contrastive>"),
        ("--start=lda", "value should be one of <pca|random>"),
        ("--size=large", "--size"),
        ("--sise=3", "Did you mean"),
    ],
)
def test_values_that_do_not_fit_are_refused(
    argument: str, message: str, parse: Callable[..., Settings]
) -> None:
    with pytest.raises(flags.Error, match=re.escape(message)):
        parse("--output=x", argument)


def test_missing_required_flag_is_named(parse: Callable[..., Settings]) -> None:
    with pytest.raises(ValueError, match=r"--output is required\. Where to write\."):
        parse("--size=3")


def test_setting_that_no_flag_carries_is_a_defect() -> None:
    fields = [("depths", dict[str, int], setting("How deep.", default=None))]
    with pytest.raises(TypeError, match=r"dict\[str, int\].*Received: depths"):
        command_line.define_flags(dataclasses.make_dataclass("Other", fields))
    assert "depths" not in flags.FLAGS


def test_stages_that_share_flags_are_imported_together() -> None:
    """Both take --output; neither defines a flag before it is run."""
    for stage in (pipeline.build_records, pipeline.train):
        assert "output" in {field.name for field in dataclasses.fields(stage.Settings)}
    assert "output" not in flags.FLAGS


@pytest.mark.parametrize("stage", [pipeline.build_records, pipeline.train])
def test_every_setting_of_a_stage_becomes_a_flag(stage: types.ModuleType) -> None:
    before = set(flags.FLAGS)
    try:
        command_line.define_flags(stage.Settings)
        names = {field.name for field in dataclasses.fields(stage.Settings)}
        assert set(flags.FLAGS) - before == names
    finally:
        for name in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, name)


def test_command_runs_with_its_flags(tmp_path: Path) -> None:
    ended = run_stage(tmp_path, "--output=x", "--count=5")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "Settings(output='x', count=5)\n"


def test_help_lists_the_flags_of_the_stage_alone(tmp_path: Path) -> None:
    ended = run_stage(tmp_path, "--help")
    assert "--output: Where to write." in ended.stdout
    assert "--count: How many.\n    (default: '2')" in ended.stdout
    assert "--verbosity" not in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--output=x", "--count=-1"], "error: --count is at least 0. Received: -1.\n"),
        (["--output=missing"], "error: missing is gone; make it with `make`.\n"),
        (
            ["--output=x", "count=3"],
            "error: expected only flags (--name=value). Received: ['count=3'].\n",
        ),
        ([], "error: --output is required. Where to write.\n"),
        (
            ["--output=x", "--cuont=3"],
            (
                "error: Unknown command line flag 'cuont'. Did you mean: count. "
                "Pass --help for a list of the flags.\n"
            ),
        ),
    ],
    ids=["value", "file", "positional", "required", "unknown"],
)
def test_what_the_user_can_mend_ends_as_one_line(
    arguments: list[str], line: str, tmp_path: Path
) -> None:
    ended = run_stage(tmp_path, *arguments)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", line)


def test_ctrl_c_ends_as_one_line_with_the_status_of_shells(tmp_path: Path) -> None:
    ended = run_stage(tmp_path, "--output=long")
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "interrupted\n")


def test_defect_keeps_its_traceback(tmp_path: Path) -> None:
    ended = run_stage(tmp_path, "--output=defect")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "KeyError: 'defect'" in ended.stderr


def test_verbosity_shows_where_an_error_was_raised(tmp_path: Path) -> None:
    ended = run_stage(tmp_path, "--output=missing", "--verbosity=1")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert ended.stderr.endswith("error: missing is gone; make it with `make`.\n")
