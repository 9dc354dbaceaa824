"""Pooling of a feature map into one vector."""

from typing import Literal, get_args

from models.pooling.gem import GeM
from models.pooling.layer import Pooling
from models.pooling.mac import MAC
from models.pooling.rmac import RMAC
from models.pooling.spoc import SPoC

__all__ = ["MAC", "POOLINGS", "RMAC", "GeM", "Pooling", "PoolingName", "SPoC", "pooling_layer"]

PoolingName = Literal["gem", "gem_per_channel", "mac", "spoc", "rmac"]
POOLINGS: tuple[str, ...] = get_args(PoolingName)


def pooling_layer(name: str, *, gem_power: float = 3.0) -> Pooling:
    """The layer of a name, itself named ``pooling``.

    Args:
        name: One of ``POOLINGS``.
        gem_power: GeM's initial exponent, at least 1; of no effect elsewhere.

    Raises:
        ValueError: For an unknown name, or an exponent below 1.
    """
    if name in ("gem", "gem_per_channel"):
        return GeM(gem_power, per_channel=name == "gem_per_channel", name="pooling")
    plain: dict[str, type[Pooling]] = {"mac": MAC, "spoc": SPoC, "rmac": RMAC}
    if name not in plain:
        raise ValueError(f"--pooling is one of {', '.join(POOLINGS)}. Received: {name}.")
    return plain[name](name="pooling")
