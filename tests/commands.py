"""Runs commands one after the other in one process, which so imports TensorFlow once.

    python -m tests.commands COMMANDS.json TOLD.json

COMMANDS.json is a list of commands, each ``["python", "-m", "pipeline.STAGE", "--flag=...", ...]``;
TOLD.json becomes what each printed, up to the first that fails, whose exit status this has.
"""

import contextlib
import io
import json
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags


def run(command: Sequence[str]) -> str:
    """Runs a stage as its command would, and returns what it prints.

    Raises:
        SystemExit: If it fails.
    """
    own = set(flags.FLAGS)
    _, _, module, *arguments = command
    sys.argv = [module, *arguments]
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code:
            raise
    finally:
        for name in set(flags.FLAGS) - own:
            delattr(flags.FLAGS, name)
        flags.FLAGS.unparse_flags()
    return told.getvalue()


def main(commands: Path, told: Path) -> None:
    """Runs all commands of a file."""
    app.define_help_flags()
    found: list[str] = []
    try:
        for command in json.loads(commands.read_text()):
            sys.stderr.write(f"{command}\n")
            found.append(run(command))
    finally:
        told.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
