"""Lists that a flag names: a file with an entry a line, or standard input."""

import sys
from pathlib import Path

STANDARD_INPUT = "-"


def read_lines(flag: str, named: str) -> list[str]:
    """The lines that are not blank, as they are.

    Args:
        flag: The flag, for the error.
        named: The file, or "-" for standard input.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not text in UTF-8.
    """
    path = Path(named).expanduser()
    try:
        if named == STANDARD_INPUT:
            text = sys.stdin.read()
        elif path.is_file():
            text = path.read_text(encoding="utf-8")
        else:
            raise FileNotFoundError(
                f"--{flag}={named} is no file; name one with an entry a line, or - for standard "
                "input."
            )
    except UnicodeDecodeError as error:
        raise ValueError(
            f"--{flag}={named} is not in UTF-8, from byte {error.start}; write the list anew in "
            "UTF-8."
        ) from error
    # What some editors write first to say that it is UTF-8.
    return [line for line in text.removeprefix("\ufeff").splitlines() if line.strip()]


def read_ids(flag: str, named: str) -> list[str]:
    """The same without the blanks around an entry, each once."""
    return list(dict.fromkeys(line.strip() for line in read_lines(flag, named)))
