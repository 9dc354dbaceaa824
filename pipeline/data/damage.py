"""How much damage a run puts up with before it stops and names it."""

from collections.abc import Sequence

from pipeline.data.record_table import RecordTable
from pipeline.data.shards import Damage, RecordFiles
from pipeline.progress import logger

_NAMED = 10  # in the error; the log names all


class DamageCount:
    """Counts what was left out because it is damaged, names it, and stops a run at too much.

    Args:
        total: Photographs that there would be.
        most: Largest share of them that may be damaged, 0 to 1.
    """

    def __init__(self, total: int, most: float) -> None:
        self._total = total
        self._most = most
        self._missing = 0
        self._named: dict[str, str] = {}

    @classmethod
    def of(cls, table: RecordTable, most: float) -> "DamageCount":
        """Starts with what opening the records has found damaged.

        Raises:
            ValueError: If that is too much already.
        """
        damage = table.files.damage
        lost = max(table.missing, len(damage))
        count = cls(len(table) + lost, most)
        # A cut file is damaged in one place, and as many records are missing as were behind it.
        count._missing = lost - len(damage)
        count._start(damage)
        return count

    @classmethod
    def of_files(cls, files: RecordFiles, most: float) -> "DamageCount":
        """Starts with what opening record files has found damaged.

        Raises:
            ValueError: If that is too much already.
        """
        count = cls(len(files) + len(files.damage), most)
        count._start(files.damage)
        return count

    def _start(self, found: Sequence[Damage]) -> None:
        for damage in found:
            logger.warning("%s, byte %d: %s.", damage.path, damage.offset, damage.reason)
            self._named[f"{damage.path}, byte {damage.offset}"] = damage.reason
        self._require_little()

    def __len__(self) -> int:
        """How many different photographs were left out."""
        return self._missing + len(self._named)

    def add(self, where: str, reason: str) -> None:
        """Counts a photograph, once however often it is met.

        Raises:
            ValueError: If there are too many, naming the first of them.
        """
        if where not in self._named:
            logger.warning("Left out the photograph at %s: %s.", where, reason)
            self._named[where] = reason
            self._require_little()

    def _require_little(self) -> None:
        if len(self) <= self._most * self._total:
            return
        named = "; ".join(
            f"{where}: {reason}" for where, reason in list(self._named.items())[:_NAMED]
        )
        raise ValueError(
            f"{len(self)} of {self._total} photographs are damaged or missing, more than "
            f"--max_damaged={self._most:g} of them: {named or 'shards end early'}. Go on with a "
            "higher --max_damaged, or copy the records again or rebuild them; `python -m "
            "pipeline.check_records` lists what every stage is to leave out from then on."
        )
