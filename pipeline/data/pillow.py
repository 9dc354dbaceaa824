"""What reading photographs with Pillow takes: its errors by name, and its remarks kept quiet."""

import re
import struct
import threading
import warnings

# What Pillow's decoders raise for damaged files: the first five found by flipping bytes of every
# format, the others caught by Pillow itself where it looks at a header.
DAMAGE = (
    OSError, ValueError, SyntaxError, RuntimeError, EOFError,
    LookupError, TypeError, ArithmeticError, struct.error,
)  # fmt: skip
_WARNINGS = re.compile(r"(PIL|pillow_heif)\.")
_lock = threading.Lock()


def silence_pillow() -> None:
    """Keeps Pillow's remarks on a file from being printed, or raised under ``-W error``.

    ``warnings.catch_warnings`` is not safe in threads, so the filter stays.
    """
    with _lock:
        if all(module != _WARNINGS for *_, module, _ in warnings.filters):
            warnings.filterwarnings("ignore", module=_WARNINGS.pattern)
