"""Amounts as a user writes them: ``2GB``, ``5ms``."""

import re

_WRITTEN = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", re.IGNORECASE)
_BYTES = {
    **{"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12},
    **{"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40},
}
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def read_bytes(name: str, text: str) -> int:
    """Bytes, from ``2GB`` (of 1,000) or ``2GiB`` (of 1,024).

    Args:
        name: Of the flag, for the error.
        text: What was written.

    Raises:
        ValueError: If it is no amount above zero.
    """
    return round(_amount(name, text, _BYTES, "2GB"))


def read_milliseconds(name: str, text: str) -> float:
    """Milliseconds, from ``5ms`` or ``.1s``.

    Args:
        name: Of the flag, for the error.
        text: What was written.

    Raises:
        ValueError: If it is no amount above zero.
    """
    return _amount(name, text, _MILLISECONDS, "5ms")


def _amount(name: str, text: str, units: dict[str, float] | dict[str, int], example: str) -> float:
    match = _WRITTEN.fullmatch(text)
    if match is None or match[2].lower() not in units or not float(match[1]):
        raise ValueError(
            f"--{name} is a number above 0 with one of {', '.join(units)} after it, such as "
            f"{example}. Received: {text!r}."
        )
    return float(match[1]) * units[match[2].lower()]
