"""The axes of a chart: from values to places, and which values are named."""

import dataclasses
import math
from collections.abc import Iterable

_STEPS = (1, 2, 5, 10)
_NAMED = 6  # values along an axis, at most
_ROOM = 0.05  # beyond the lowest and the highest value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis.

    Attributes:
        label: What its values are.
        low: The lowest value; of a logarithmic axis above 0.
        high: The highest, above ``low``.
        is_logarithmic: Whether equal lengths are equal factors.
    """

    label: str
    low: float
    high: float
    is_logarithmic: bool = False

    @classmethod
    def around(
        cls,
        label: str,
        values: Iterable[float],
        *,
        is_logarithmic: bool = False,
        most: float = math.inf,
    ) -> "Axis":
        """An axis that holds some values, at least one, with a little room around them.

        Args:
            label: What the values are.
            values: None of them above ``most``.
            is_logarithmic: See ``Axis``; the values are above 0 then.
            most: That such a value can be, above which no room is left.
        """
        found = list(values)
        low, high = min(found), max(found)
        if is_logarithmic:
            factor = max((high / low) ** _ROOM, 1.1)
            return cls(label=label, low=low / factor, high=high * factor, is_logarithmic=True)
        room = (high - low) * _ROOM or abs(high) * _ROOM or 1.0
        return cls(label=label, low=low - room, high=min(high + room, most))

    @classmethod
    def of_shares(cls, label: str) -> "Axis":
        """An axis from 0 to 1."""
        return cls(label=label, low=0.0, high=1.0)

    def place(self, value: float) -> float:
        """Where a value lies, 0 at the low end, 1 at the high one."""
        if self.is_logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def named(self) -> list[float]:
        """Round values along the axis, two to six."""
        return self._factors() if self.is_logarithmic else self._steps()

    def _steps(self) -> list[float]:
        least = (self.high - self.low) / (_NAMED - 1)
        power = 10.0 ** math.floor(math.log10(least))
        step = next(power * one for one in _STEPS if power * one >= least * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(number * step, 12) for number in range(first, last + 1)]

    def _factors(self) -> list[float]:
        low, high = (math.log10(end) for end in (self.low, self.high))
        powers = range(math.floor(low), math.ceil(high) + 1)
        for mantissas in ((1, 2, 5), (1, 3), (1,)):
            values = [mantissa * 10.0**power for power in powers for mantissa in mantissas]
            inside = [value for value in values if self.low <= value <= self.high]
            if len(inside) <= _NAMED:
                break
        if len(inside) < 2:  # less than a factor of 2 or so
            return Axis(label=self.label, low=self.low, high=self.high)._steps()
        return inside[:: -(-len(inside) // _NAMED)]


def written(value: float) -> str:
    """A value at an axis: ``0.25``, ``20``, ``1,000``."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
