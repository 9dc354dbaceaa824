"""Where labels stand beside points of a chart, so that they cover neither these nor one another."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

_LETTER = 7.0  # units across of a digit, at 12 units of height
_HEIGHT = 11.0
_REACH = 4.0  # from the middle of a mark of the usual size to its rim


@dataclasses.dataclass(frozen=True, kw_only=True)
class Room:
    """What something covers of a chart, units from its corner."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Room") -> bool:
        """Whether both cover something."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: "Room") -> bool:
        """Whether it covers all that another one does."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@dataclasses.dataclass(frozen=True, kw_only=True)
class Labelled:
    """A point with a label: its middle, and the size of its mark, times the usual."""

    x: float
    y: float
    text: str
    size: float = 1.0

    @property
    def mark(self) -> Room:
        """What its mark covers."""
        reach = _REACH * self.size
        return Room(
            left=self.x - reach, top=self.y - reach, right=self.x + reach, bottom=self.y + reach
        )

    def places(self) -> Iterator[Room]:
        """Where its label may stand, the best place first."""
        mark, width = self.mark, _LETTER * len(self.text)
        sides = (mark.left - width, mark.right, self.x - width / 2)
        beside = self.y - _HEIGHT / 2
        for left, top in (
            (sides[0], mark.top - _HEIGHT), (sides[1], mark.top - _HEIGHT),
            (sides[0], mark.bottom), (sides[1], mark.bottom),
            (sides[2], mark.top - _HEIGHT), (sides[2], mark.bottom),
            (sides[0], beside), (sides[1], beside),
        ):  # fmt: skip
            yield Room(left=left, top=top, right=left + width, bottom=top + _HEIGHT)


def spread(
    points: Sequence[Labelled], within: Room, free: Iterable[Room] = ()
) -> list[tuple[str, Room]]:
    """Labels and where they stand; one that finds no place is left out.

    Args:
        points: Those whose labels matter most first.
        within: Where labels may stand.
        free: What else is to be left free.
    """
    taken = [*free, *(one.mark for one in points)]
    placed = []
    for one in points:
        for room in one.places():
            if within.holds(room) and not any(map(room.meets, taken)):
                taken.append(room)
                placed.append((one.text, room))
                break
    return placed
