"""Steps of runs that are generated, sound but for what is changed."""

from collections.abc import Callable, Iterator

import numpy as np

from pipeline.data import samplers
from pipeline.training.diagnosis import Diagnosis
from pipeline.training.step_report import Step

LABELS = np.repeat(np.arange(40), 6)  # the landmark of every photograph of a data set
STEPS = 120
DIMENSION = 16
CENTRES = np.random.default_rng(0).normal(size=(2000, DIMENSION))

Embed = Callable[[np.ndarray, int], np.ndarray]  # from labels and a step's number


def spread_out(labels: np.ndarray, number: int) -> np.ndarray:
    """A direction for every landmark, and some noise."""
    return describe(labels, number, spread=1.0)


def describe(
    labels: np.ndarray, number: int, *, spread: float, rank: int = DIMENSION
) -> np.ndarray:
    """Unit vectors around a common one, spread so far from it in so many directions."""
    noise = np.random.default_rng((1, number)).normal(size=(len(labels), DIMENSION))
    vectors = spread * (CENTRES[labels] + 0.3 * noise)
    vectors[:, rank:] *= 0.02
    vectors[:, -1] += 5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def batches_of(
    order: Callable[[int], np.ndarray], labels: np.ndarray = LABELS
) -> Iterator[np.ndarray]:
    """The labels of batch after batch, epoch after epoch."""
    epoch = 1
    while True:
        yield from (labels[batch].ravel() for batch in order(epoch))
        epoch += 1


def by_landmark(epoch: int) -> np.ndarray:
    return samplers.landmark_batches(LABELS, 8, 4, seed=0, epoch=epoch)


def steps(
    batches: Iterator[np.ndarray] | None = None,
    *,
    embed: Embed = spread_out,
    count: int = STEPS,
    loss: Callable[[int], float] = lambda number: 1 / (10 + number),
    active: Callable[[int], float] = lambda number: 0.3,
    gradient_norm: Callable[[int], float] = lambda number: 1.0,
) -> Iterator[Step]:
    """A sound run, but for what is changed."""
    batches = batches or batches_of(by_landmark)
    for number, labels in zip(range(1, count + 1), batches, strict=False):
        yield Step(
            number=number,
            loss=loss(number),
            active=active(number),
            gradient_norm=gradient_norm(number),
            learning_rate=1e-3,
            embeddings=embed(np.maximum(labels, 0), number),
            labels=labels,
            images=np.zeros((0, 2, 2, 3), np.uint8),
        )


def solved_after(step: int) -> Iterator[Step]:
    """A run whose triplets are all solved from some step on."""
    return steps(
        active=lambda number: 0.5 if number <= step else 0.0,
        loss=lambda number: 0.1 if number <= step else 0.0,
    )


def diagnose(run: Iterator[Step], labels: np.ndarray = LABELS, **how: object) -> list[str]:
    """All warnings of a run."""
    diagnosis = Diagnosis(labels, **how)  # type: ignore[arg-type]
    return [warning for step in run for warning in diagnosis.observe(step)]


def only(warnings: list[str], start: str) -> str:
    """The one warning there is."""
    assert [warning[: len(start)] for warning in warnings] == [start]
    return warnings[0]
