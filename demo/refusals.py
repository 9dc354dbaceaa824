"""Refusals: errors whose text is for the user and tells nothing of the server."""

import re

# A path, as errors of the pipeline name them: of it only the last name is shown.
_PATH = re.compile(r"(?<![\w.:/])/(?:[^\s/'\"`;,()]+/)+(?=[^\s/])")

_FLAG = re.compile(r"(?<![\w-])--(\w+)(?:=[\w,]+)?")


class Refused(ValueError):  # noqa: N818  # it is no defect
    """A request that is not answered, and why, for the user.

    Attributes:
        status: The HTTP status that tells it.
    """

    status = 400


class TooLarge(Refused):
    """More than is taken."""

    status = 413


class NotFound(Refused):
    """There is no such thing, or it is not for this user; which of the two is not told."""

    status = 404


class TooOften(Refused):
    """One client has asked too much.

    Args:
        text: Why, for the user.
        seconds: After which it may ask again.
    """

    status = 429

    def __init__(self, text: str, seconds: float) -> None:
        super().__init__(text)
        self.seconds = seconds


class Busy(Refused):
    """All clients together ask too much, or a query has taken too long.

    Attributes:
        seconds: After which one may ask again.
    """

    status = 503
    seconds = 5.0


class Unavailable(Refused):
    """Something on the server is missing or damaged, of which its log tells more."""

    status = 500


def shown(error: ValueError) -> Refused:
    """An error of the pipeline that a user can mend, as the user may see it.

    It is without paths, and fields are named as they are here: not ``--box=x1,y1,x2,y2``, ``box``.
    Commands, which stand in backticks, keep their flags.
    """
    if isinstance(error, Refused):
        return error
    parts = _PATH.sub("", str(error)).split("`")
    parts[::2] = [_FLAG.sub(r"\1", part) for part in parts[::2]]
    return Refused("`".join(parts))
