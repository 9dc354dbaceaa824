"""What is wrong with one record or one shard."""

import dataclasses
from typing import Literal

# Damaged: no photograph can be had, or another than the record tells. Doubtful: the photograph is
# sound, and something that is told of it is not.
Kind = Literal["damaged", "doubtful"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """What is wrong, and where.

    Attributes:
        shard: The shard's file name.
        offset: Where the record starts in it, bytes; None where the shard as a whole is meant.
        id: The photograph's, "" where it cannot be read.
        kind: How bad it is.
        cause: What is wrong, the same words for the same thing.
        detail: What is wrong in this case, "" where the cause says all.
        records: How many records it concerns.
    """

    shard: str
    offset: int | None
    id: str = ""
    kind: Kind
    cause: str
    detail: str = ""
    records: int = 1

    @property
    def reason(self) -> str:
        """Cause and detail in one line."""
        return f"{self.cause}: {self.detail}" if self.detail else self.cause
