"""What an export does to the descriptions of a network, as flags."""

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from models.serving import Views
from pipeline import command_line
from pipeline.command_line import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescriptionSettings:
    """Scales, their aggregation, and whitening."""

    scales: tuple[str, ...] = setting(
        "Scales at which a photograph is described, comma-separated multiples of the image size "
        "that was trained with.",
        default=("1",),
    )
    keep_aspect: bool = setting(
        "Show the network a photograph in its own aspect ratio, with as many pixels as the square "
        "that it is squeezed into else.",
        default=False,
    )
    flip: bool = setting("Describe the mirror image of a photograph too.", default=False)
    aggregation: Literal["mean", "gem"] = setting(
        "How one description is made of those at several scales: their mean or generalised mean.",
        default="mean",
    )
    aggregation_power: float = setting("Exponent of --aggregation=gem, 1 to 10.", default=3.0)
    whitening: Literal["none", "pca", "supervised"] = setting(
        "Whether descriptions are whitened at last: by PCA, or by how photographs of one landmark "
        "differ (supervised).",
        default="none",
    )
    whitening_records: Path | None = setting(
        "Records that the whitening is learned from, tfrecords/NAME.", default=None
    )
    whitening_split: str = setting("Split of those records.", default="train")
    whitening_strength: float = setting(
        "Strength of the whitening, 0 to 1; where photographs are few, full strength does harm.",
        default=0.5,
    )
    whitening_dimension: int | None = setting(
        "Length of the whitened descriptions; by default what it was.", default=None
    )
    max_damaged: float = setting(
        "Share of the photographs to learn whitening from that may be damaged; they are left out "
        "and named.",
        default=0.01,
    )

    def __post_init__(self) -> None:
        """Checks ranges and what cannot go together."""
        if not self.scales or not all(0 < scale < math.inf for scale in self.scale_values):
            raise ValueError(
                f"--scales are numbers above 0, such as 0.7071,1,1.4142. Received: {self.scales}."
            )
        command_line.require_at_least(self, whitening_dimension=1, max_damaged=0)
        for name, lowest, highest in (("aggregation_power", 1, 10), ("whitening_strength", 0, 1)):
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise ValueError(f"--{name} is {lowest} to {highest}. Received: {value}.")
        if self.aggregation == "gem" and len(self.scales) == 1 and not self.flip:
            raise ValueError("--aggregation=gem does nothing to one scale; pass several --scales.")
        if self.aggregation == "mean":
            command_line.require_default(self, "--aggregation=mean", "aggregation_power")
        if self.whitening == "none":
            names = ("whitening_strength", "whitening_split", "max_damaged")
            command_line.require_default(self, "--whitening=none", *names)
        if self.whitening != "none" and self.whitening_records is None:
            raise ValueError(
                f"--whitening={self.whitening} is learned from --whitening_records=tfrecords/NAME."
            )
        if self.whitening == "none" and (self.whitening_records or self.whitening_dimension):
            raise ValueError(
                "--whitening_records and --whitening_dimension belong to --whitening=pca or "
                "supervised and do nothing here."
            )

    @property
    def scale_values(self) -> tuple[float, ...]:
        """The scales as numbers, ascending."""
        return numbers(self.scales)

    @property
    def views(self) -> Views:
        """What the network sees of a photograph."""
        power = self.aggregation_power if self.aggregation == "gem" else 1.0
        return Views(
            scales=self.scale_values, flip=self.flip, power=power, keep_aspect=self.keep_aspect
        )


def numbers(texts: Iterable[str]) -> tuple[float, ...]:
    """Texts as numbers, ascending; what is none is not a number."""
    return tuple(sorted(map(_number, texts)))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
