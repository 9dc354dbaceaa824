"""A photograph as the page has it: where the browser gets it, and its sides."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shown:
    """A photograph of the page.

    Attributes:
        url: Where the browser gets it, in whatever size.
        width: Of the photograph itself, upright, pixels; likewise ``height``.
        name: What it is, for those who hear it.
    """

    url: str
    width: int
    height: int
    name: str
