"""Which steps reorder what an index finds: flags of several stages, stated once."""

import dataclasses
from typing import Literal

from pipeline import command_line
from pipeline.command_line import setting

Fusion = Literal["scores", "ranks"]
KEEP_FIRST = "keep_first"  # the step that comes last


@dataclasses.dataclass(frozen=True, kw_only=True)
class AugmentationSettings:
    """How vectors take those of their neighbours in."""

    augment: int = setting(
        "Database-side augmentation: every stored vector becomes the weighted mean of itself and "
        "so many nearest; 0 for none. Asked for often, it is better built in, with `python -m "
        "pipeline.build_index --augment=N`.",
        default=0,
    )
    alpha: float = setting(
        "A neighbour's weight is its similarity to this power; 0 weighs all alike.", default=3.0
    )

    def __post_init__(self) -> None:
        """Checks ranges, and that no flag is without effect."""
        command_line.require_at_least(self, augment=0, alpha=0)
        if not (self.augment or getattr(self, "expand", 0)):
            command_line.require_default(self, "nothing that weighs neighbours", "alpha")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RankingSettings(AugmentationSettings):
    """What reorders the photographs that an index finds; by default nothing does."""

    expand: int = setting(
        "Query expansion: the query becomes the weighted mean of itself and its so many best, and "
        "asks again; 0 for none.",
        default=0,
    )
    refine: int = setting(
        "SuperGlobal's refinement of the so many best and of the query by one another; 0 for none.",
        default=0,
    )
    reciprocal: int = setting(
        "k-reciprocal re-ranking: by common neighbours among so many nearest of each; 0 for none.",
        default=0,
    )
    diffuse: int = setting(
        "Diffusion over the graph of mutual neighbours among so many nearest of each; 0 for none.",
        default=0,
    )
    keep_first: bool = setting(
        "Whether the first place goes to the photograph that is best as found and expanded, of all "
        "fused indexes together, whatever reorders the rest.",
        default=False,
    )
    candidates: int = setting(
        "How many of the best are reordered; those behind them stay as they were found.",
        default=1000,
    )
    fuse: tuple[str, ...] = setting(
        "Other indexes of the same photographs, comma-separated folders, by other models for one, "
        "whose lists are fused with this one's.",
        default=(),
    )
    fusion: Fusion = setting(
        "What of several lists is added: scores, stretched to 0 to 1, or reciprocal ranks.",
        default="scores",
    )

    def __post_init__(self) -> None:
        """Checks ranges, and that no flag is without effect."""
        super().__post_init__()
        command_line.require_at_least(
            self, expand=0, refine=0, reciprocal=0, diffuse=0, candidates=1
        )
        if not self.fuse:
            command_line.require_default(self, "no --fuse=INDEX", "fusion")
        if self.keep_first and not (self.fuse or self.refine or self.reciprocal or self.diffuse):
            raise ValueError(
                "--keep_first keeps what --refine, --reciprocal, --diffuse or --fuse reorder; pass "
                "one of them."
            )
        if not self.steps:
            command_line.require_default(self, "nothing to reorder by", "candidates")
        for name in ("expand", "refine"):
            if getattr(self, name) > self.candidates:
                raise ValueError(
                    f"--{name} is at most --candidates, {self.candidates}. Received: "
                    f"{getattr(self, name)}."
                )

    @property
    def steps(self) -> tuple[str, ...]:
        """What is done after searching, in order, as ``augment10``; nothing by default."""
        fused = ("fuse",) if self.fuse else ()
        return (*self.single_steps, *fused, *((KEEP_FIRST,) if self.keep_first else ()))

    @property
    def single_steps(self) -> tuple[str, ...]:
        """Those that reorder one list."""
        counts = {name: getattr(self, name) for name in _STEPS}
        return tuple(f"{name}{count}" for name, count in counts.items() if count)

    @property
    def as_found(self) -> "RankingSettings":
        """Those of a list that is fused as it is found."""
        return RankingSettings(fuse=self.fuse, fusion=self.fusion, candidates=self.candidates)

    @property
    def is_graph_needed(self) -> bool:
        """Whether the nearest of all photographs have to be known."""
        return max(self.augment, self.reciprocal, self.diffuse) > 0


_STEPS = ("augment", "expand", "refine", "reciprocal", "diffuse")


def chosen(settings: RankingSettings) -> RankingSettings:
    """The part of a stage's settings that is about ranking."""
    names = [field.name for field in dataclasses.fields(RankingSettings)]
    return RankingSettings(**{name: getattr(settings, name) for name in names})
