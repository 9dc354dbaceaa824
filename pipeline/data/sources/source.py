"""What every source of photographs offers: a list, labelled beforehand, read as it is asked for."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np


def content_id(encoded: bytes) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a photograph's bytes."""
    return hashlib.sha256(encoded).hexdigest()[:16]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourcePhotograph:
    """A photograph as found.

    Attributes:
        name: Names it in messages: a file's path, a tar and its member.
        encoded: Its bytes, in whatever format.
        landmark: Name of its landmark, "" if unknown.
        label: Number of its landmark, -1 if unknown.
        id: The data set's own; None where it has none and the content is to name it.
        author: Whom it is by; this and what follows is "" where unknown.
        license: Its licence's address or name.
        url: Where it was published.
        title: Its title there, or the file's path.
    """

    name: str
    encoded: bytes
    landmark: str = ""
    label: int = -1
    id: str | None = None
    author: str = ""
    license: str = ""
    url: str = ""
    title: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skipped:
    """A photograph, or a whole archive of them, left out, and why."""

    name: str
    reason: str


class Source(Protocol):
    """A list of photographs whose landmarks are known before any is read."""

    @property
    def labels(self) -> np.ndarray:
        """The landmark of every photograph, int64 ``(photographs,)``, -1 where unknown."""
        ...

    @property
    def names(self) -> Mapping[int, str]:
        """The name of every landmark, by its label; no two are the same."""
        ...

    @property
    def fingerprint(self) -> str:
        """Differs when the photographs may have changed; "" where the settings decide them."""
        ...

    @property
    def left_out(self) -> Sequence[Skipped]:
        """What could not even be listed: a damaged archive, a photograph that is missing."""
        ...

    def read(self, numbers: np.ndarray) -> Iterator[SourcePhotograph | Skipped]:
        """Reads photographs, or says why one cannot be had, one for every number in order.

        Args:
            numbers: int64 ``(n,)``, positions in ``labels``, ascending.
        """
        ...
