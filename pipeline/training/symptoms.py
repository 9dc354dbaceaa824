"""Signs that a run does not learn, each with its cause and what mends it.

Every symptom takes in all steps and looks at the last ones; it says nothing before it has seen
as many as it looks at.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from pipeline.training.batch_measures import (
    effective_rank,
    is_comparable,
    mean_distance_between_landmarks,
)
from pipeline.training.step_report import Step

WINDOW = 50  # steps looked at: fewer are at the mercy of single batches

# Measured on the small network that learns the synthetic city from scratch, batches of 8 x 4:
# sound runs never had a mean squared distance below 0.06; where batch-hard triplets collapsed it
# was 0.003 after 30 steps, and fell on.
_COLLAPSED = 0.01
# At 1.25 nine tenths of the variance lie along one direction (1 / 0.9 ** 2). The sound runs had
# 2.5 and more, those at a hundred times their learning rate 1.0 to 1.1.
_ONE_DIMENSION = 1.25
_FEWEST_LANDMARKS = 4  # the centres of fewer leave little rank to lose
# Less than one triplet in the 400 of fifty batches of eight; of all those in a labelled batch a
# hundredth is still plenty to learn from.
_NEARLY_NONE = 0.001
_NEARLY_NO_LOSS = 0.05  # of the highest mean loss
_RISE = 1.5  # of the median loss over its lowest; sound runs stayed within 1.15
_NEARLY_ALL = 0.9  # of fifty losses; that the median of fifty others is above them is no chance
_GROWTH = 100.0  # of the gradients' norm; sound runs grew to five times their start
_CHANCE = 6.0  # standard deviations, as the draws of one batch depend on each other


class Symptom(Protocol):
    """Something wrong with a run that its steps show."""

    def observe(self, step: Step) -> str | None:
        """Takes in a step; gives cause and remedy as long as the symptom is there."""


class Collapse:
    """All photographs are described by nearly the same vector."""

    def __init__(self) -> None:
        self._distances: deque[float] = deque(maxlen=WINDOW)

    def observe(self, step: Step) -> str | None:
        """Looks at the mean distance between photographs of different landmarks."""
        distance = mean_distance_between_landmarks(step.embeddings, step.labels)
        if math.isfinite(distance):
            self._distances.append(distance)
        if len(self._distances) < WINDOW or np.mean(self._distances) >= _COLLAPSED:
            return None
        return (
            "The embeddings collapse: photographs of different landmarks are "
            f"{np.mean(self._distances):.2g} apart (squared distance, 2 where they have nothing in "
            f"common) over the last {WINDOW} steps. Either the learning rate of "
            f"{step.learning_rate:.2g} is too high, or the hardest triplets push all photographs "
            "together before the network tells them apart: lower --learning_rate, or pass "
            "--mining=semi_hard, distance_weighted or all."
        )


class DimensionalCollapse:
    """All photographs lie along one line.

    Jing et al., 2022, https://arxiv.org/abs/2110.09348.
    """

    def __init__(self) -> None:
        self._ranks: deque[float] = deque(maxlen=WINDOW)

    def observe(self, step: Step) -> str | None:
        """Looks at how many directions the embeddings of a batch spread along."""
        rank = effective_rank(step.embeddings)
        landmarks = np.unique(step.labels[step.labels >= 0])
        if len(landmarks) >= _FEWEST_LANDMARKS and math.isfinite(rank):
            self._ranks.append(rank)
        if len(self._ranks) < WINDOW or np.mean(self._ranks) >= _ONE_DIMENSION:
            return None
        return (
            f"The embeddings collapse to a line: of {step.embeddings.shape[1]} dimensions those of "
            f"a batch use {np.mean(self._ranks):.2f} over the last {WINDOW} steps. The learning "
            f"rate of {step.learning_rate:.2g} is too high for these weights: lower "
            "--learning_rate, or lengthen --warm_up."
        )


class Idle:
    """No triplet or pair has a loss, so that nothing is learned."""

    def __init__(self) -> None:
        # Active share, loss, and whether there was anything to compare.
        self._steps: deque[tuple[float, float, bool]] = deque(maxlen=WINDOW)
        self._highest = 0.0

    def observe(self, step: Step) -> str | None:
        """Looks at the active share, at the loss, and at whether there was anything to compare."""
        self._steps.append((step.active, step.loss, is_comparable(step.labels)))
        if len(self._steps) < WINDOW:
            return None
        active, loss, comparable = np.mean(self._steps, axis=0)
        self._highest = max(self._highest, loss)
        # Contrastive losses count active negatives, and may have much to learn of positives.
        if active > _NEARLY_NONE or loss > _NEARLY_NO_LOSS * self._highest:
            return None
        if comparable < 0.5:
            return (
                f"Nothing is learned: {1 - comparable:.0%} of the last {WINDOW} batches held no "
                "two photographs of one landmark beside one of another, so there was nothing to "
                "compare. Records need landmarks; pass --batches=landmarks with "
                "--photographs_per_landmark=2 or more."
            )
        return (
            f"Nothing is left to learn: of what the last {WINDOW} batches compared, {active:.2%} "
            "was too near or too far. The network solves what it is given: make it harder with "
            "--mining=hard or semi_hard, a larger --margin, more --landmarks_per_batch or a "
            "--memory; or stop here with fewer --epochs."
        )


class RisingLoss:
    """The loss rises well above what it was.

    Args:
        settled_after: Steps in which it may rise, as it does while a memory fills.
    """

    def __init__(self, settled_after: int) -> None:
        self._settled_after = settled_after
        self._losses: deque[float] = deque(maxlen=WINDOW)
        self._lowest = math.inf
        self._usual = math.inf
        self._lowest_at = 0

    def observe(self, step: Step) -> str | None:
        """Compares the median of the last losses with the lowest that it has been.

        It has risen when it is above what nearly all losses were then, however much they vary.
        """
        if step.number > self._settled_after and math.isfinite(step.loss):
            self._losses.append(step.loss)
        if len(self._losses) < WINDOW:
            return None
        median, usual = map(float, np.quantile(self._losses, (0.5, _NEARLY_ALL)))
        if median < self._lowest:
            self._lowest, self._usual, self._lowest_at = median, usual, step.number
        if median <= max(_RISE * self._lowest, self._usual):
            return None
        return (
            f"The loss rises: {median:.3g} over the last {WINDOW} steps, after {self._lowest:.3g} "
            f"at step {self._lowest_at}. The learning rate of {step.learning_rate:.2g} is too "
            "high: lower --learning_rate, lengthen --warm_up, or clip more with a smaller "
            "--clip_norm."
        )


class GrowingGradients:
    """The gradients are orders larger than they were at the start."""

    def __init__(self) -> None:
        self._first: list[float] = []
        self._norms: deque[float] = deque(maxlen=WINDOW)

    def observe(self, step: Step) -> str | None:
        """Compares the median norm of the last steps with that of the first."""
        # A float16 step whose gradients overflow is left out of training too.
        if math.isfinite(step.gradient_norm) and step.gradient_norm > 0:
            self._norms.append(step.gradient_norm)
            if len(self._first) < WINDOW:
                self._first.append(step.gradient_norm)
        if len(self._norms) < WINDOW:
            return None
        now, then = np.median(self._norms), np.median(self._first)
        if now <= _GROWTH * then:
            return None
        return (
            f"The gradients explode: their norm is {now:.3g} over the last {WINDOW} steps and was "
            f"{then:.3g} over the first. The learning rate of {step.learning_rate:.2g} is too "
            "high: lower --learning_rate, lengthen --warm_up, or clip more with a smaller "
            "--clip_norm."
        )


class NotShuffled:
    """Batches show the landmarks of the batch before, or one landmark only.

    Args:
        chance: From landmarks, int64 ``(n,)``, the chance that a drawn one is among them.
    """

    def __init__(self, chance: Callable[[np.ndarray], float]) -> None:
        self._chance = chance
        self._before: np.ndarray | None = None
        # Landmarks of the batch before, landmarks in all, those of the former that are expected.
        self._repeated: deque[tuple[int, int, float]] = deque(maxlen=WINDOW)
        self._single: deque[bool] = deque(maxlen=WINDOW)

    def observe(self, step: Step) -> str | None:
        """Compares a batch's landmarks with those of the batch before."""
        known = step.labels[step.labels >= 0]
        landmarks = np.unique(known)
        if self._before is not None and len(landmarks):
            repeated = int(np.isin(landmarks, self._before).sum())
            expected = len(landmarks) * self._chance(self._before)
            self._repeated.append((repeated, len(landmarks), expected))
        self._before = landmarks
        self._single.append(len(known) > 1 and len(landmarks) == 1)
        if len(self._repeated) < WINDOW:
            return None
        return self._of_one_landmark() or self._repeating()

    def _of_one_landmark(self) -> str | None:
        share = np.mean(self._single)
        if share <= 0.5:
            return None
        return (
            f"The input is not shuffled: {share:.0%} of the last {WINDOW} batches show one "
            "landmark only. Shuffle what the batches are made of, or pass --batches=landmarks with "
            "--landmarks_per_batch=2 or more."
        )

    def _repeating(self) -> str | None:
        repeated, drawn, expected = np.sum(self._repeated, axis=0)
        share, chance = repeated / drawn, min(expected / drawn, 1.0)
        deviation = math.sqrt(chance * (1 - chance) / drawn)
        if share <= chance + _CHANCE * (deviation + 1 / drawn):
            return None
        return (
            f"The input is not shuffled: {share:.0%} of the landmarks of a batch were in the batch "
            f"before too, over the last {WINDOW} steps; by chance it would be {chance:.1%}. "
            "Shuffle what the batches are made of, or pass --batches=landmarks."
        )
