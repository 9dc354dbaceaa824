"""Turns a score into the probability that something holds, and tells how right that is."""

import dataclasses

import numpy as np
from scipy.optimize import minimize

_BINS = 10
_DECAY = 1e-6  # keeps the slope finite where a score tells all


@dataclasses.dataclass(frozen=True, kw_only=True)
class Logistic:
    """``1 / (1 + exp(-(slope * score + intercept)))``."""

    slope: float
    intercept: float

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Of scores of any shape, float64; 0 where a score is -inf."""
        there = np.isfinite(scores)
        exponents = self.slope * np.where(there, scores, 0.0).astype(np.float64) + self.intercept
        return np.where(there, 1 / (1 + np.exp(-exponents)), 0.0)


def fit(scores: np.ndarray, holds: np.ndarray) -> Logistic:
    """Fits a logistic function by maximum likelihood.

    Platt, 1999, "Probabilistic outputs for support vector machines", with his targets, which
    keep few scores from making it too sure.

    Args:
        scores: ``(n,)``, finite.
        holds: bool ``(n,)``.
    """
    positives = np.count_nonzero(holds)
    high = (positives + 1) / (positives + 2)
    targets = np.where(holds, high, 1 / (len(holds) - positives + 2))
    mean, spread = float(scores.mean()), float(scores.std()) or 1.0
    scaled = (scores.astype(np.float64) - mean) / spread

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        logits = parameters[0] * scaled + parameters[1]
        errors = 1 / (1 + np.exp(-logits)) - targets
        value = np.mean(np.logaddexp(0, logits) - targets * logits)
        gradient = np.array([np.mean(errors * scaled), np.mean(errors)])
        return value + _DECAY * parameters @ parameters, gradient + 2 * _DECAY * parameters

    slope, intercept = minimize(loss, np.zeros(2), jac=True, method="BFGS").x
    return Logistic(slope=float(slope / spread), intercept=float(intercept - slope * mean / spread))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reliability:
    """How right probabilities are.

    Attributes:
        error: Expected calibration error: the mean difference between a probability and how
            often it holds, over ``_BINS`` bins of as many each. Guo et al., 2017,
            https://arxiv.org/abs/1706.04599.
        brier: Mean squared difference between a probability and what holds, 0 or 1.
        predicted: Mean probability of each bin.
        true: How often it holds, likewise.
    """

    error: float
    brier: float
    predicted: list[float]
    true: list[float]


def reliability(probabilities: np.ndarray, holds: np.ndarray) -> Reliability:
    """Measures how right probabilities are, both ``(n,)``, n at least 1."""
    order = np.argsort(probabilities, kind="stable")
    bins = [part for part in np.array_split(order, _BINS) if len(part)]
    predicted = np.array([probabilities[part].mean() for part in bins])
    true = np.array([holds[part].mean() for part in bins])
    sizes = np.array([len(part) for part in bins])
    return Reliability(
        error=float(np.average(np.abs(predicted - true), weights=sizes)),
        brier=float(np.mean((probabilities - holds) ** 2)),
        predicted=predicted.tolist(),
        true=true.tolist(),
    )
