"""Watches a run, and says why it does not learn where it does not."""

import numpy as np

from pipeline.progress import logger
from pipeline.training import symptoms
from pipeline.training.step_report import Step
from pipeline.training.symptoms import Symptom

_GONE_AFTER = 2 * symptoms.WINDOW  # steps; one odd batch changes what is seen for a whole window


class Diagnosis:
    """Warns of what is wrong with a run, with numbers, cause and the flag that mends it.

    A cause is named once, and again only after it has not been there for a while. What was seen is
    not in checkpoints: a resumed run is watched anew.

    Args:
        labels: The landmarks of all photographs that are learned from, int64 of any shape,
            negative where unknown.
        alone_are_drawn: Whether photographs whose landmark no other shows are in batches, as they
            are negatives of triplets.
        settled_after: Steps in which the loss may rise because it compares more and more: until a
            memory is full.
    """

    def __init__(
        self, labels: np.ndarray, *, alone_are_drawn: bool = False, settled_after: int = 0
    ) -> None:
        landmarks, counts = np.unique(labels[labels >= 0], return_counts=True)
        if not alone_are_drawn:
            _warn_of_unused(np.size(labels), counts)
            landmarks, counts = landmarks[counts > 1], counts[counts > 1]
        self._landmarks = landmarks  # ascending
        self._frequencies = counts / max(1, counts.sum())
        self._symptoms: dict[Symptom, int | None] = dict.fromkeys(
            (
                symptoms.Collapse(),
                symptoms.DimensionalCollapse(),
                symptoms.Idle(),
                symptoms.RisingLoss(settled_after),
                symptoms.GrowingGradients(),
                symptoms.NotShuffled(self._chance),
            )
        )

    def observe(self, step: Step) -> list[str]:
        """Takes in a step, and warns of what it shows.

        Returns:
            The warnings, each new.
        """
        warnings = []
        for symptom, last_seen in self._symptoms.items():
            warning = symptom.observe(step)
            if warning is None:
                continue
            if last_seen is None or step.number - last_seen > _GONE_AFTER:
                warnings.append(warning)
            self._symptoms[symptom] = step.number
        for warning in warnings:
            logger.warning("Step %d. %s", step.number, warning)
        return warnings

    def _chance(self, landmarks: np.ndarray) -> float:
        """Of a landmark that is drawn to be among these, at most.

        It depends on whether photographs are drawn, or landmarks; the larger of both is given.
        """
        if not len(self._landmarks):
            return 0.0
        places = np.searchsorted(self._landmarks, landmarks).clip(max=len(self._landmarks) - 1)
        places = places[self._landmarks[places] == landmarks]
        by_landmark = len(places) / len(self._landmarks)
        return max(by_landmark, float(self._frequencies[places].sum()))


def _warn_of_unused(photographs: int, counts: np.ndarray) -> None:
    """Says how much of the data nothing can be compared with."""
    alone, unknown = int((counts == 1).sum()), photographs - int(counts.sum())
    if not alone and not unknown:
        return
    logger.warning(
        "%d of %d landmarks have one photograph, and %d of %d photographs show no known landmark: "
        "they take no part, as there is nothing of theirs to compare. Add photographs of the same "
        "landmarks or their names, and build the records again; or let it be, if that is what you "
        "have.",
        *(alone, len(counts), unknown, photographs),
    )
