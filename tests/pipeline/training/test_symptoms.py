"""Each symptom in a run of generated steps, and sound runs that show none."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from pipeline.data import samplers
from pipeline.training.diagnosis import Diagnosis
from pipeline.training.step_report import Step
from tests.pipeline.training.generated_steps import (
    LABELS,
    STEPS,
    batches_of,
    describe,
    diagnose,
    only,
    solved_after,
    spread_out,
    steps,
)


def test_losses_and_norms_may_vary() -> None:
    """Most batches have no loss, and some a large one."""
    generator = np.random.default_rng(0)
    losses = np.where(generator.random(1000) < 0.05, generator.exponential(0.1, 1000), 0)
    norms = generator.lognormal(0, 2, 1000)
    run = steps(
        count=1000, loss=lambda number: losses[number - 1], gradient_norm=lambda n: norms[n - 1]
    )
    assert diagnose(run) == []


def test_collapsing_embeddings_are_named() -> None:
    # The spread halves every 10 steps, as batch-hard triplets do at too high a learning rate.
    run = steps(embed=lambda labels, n: describe(labels, n, spread=0.5 ** (n / 10)))
    warning = only(diagnose(run), "The embeddings collapse: ")
    assert "--mining=semi_hard" in warning
    assert "--learning_rate" in warning


def test_embeddings_along_a_line_are_named() -> None:
    run = steps(embed=lambda labels, n: describe(labels, n, spread=1, rank=1 if n > 60 else 16))
    warning = only(diagnose(run), "The embeddings collapse to a line: of 16 dimensions")
    assert "lower --learning_rate" in warning


@pytest.mark.parametrize("landmarks", [2, 3])
def test_few_landmarks_have_little_rank_to_lose(landmarks: int) -> None:
    def order(epoch: int) -> np.ndarray:
        return samplers.landmark_batches(LABELS, landmarks, 4, seed=0, epoch=epoch)

    def one_a_landmark(labels: np.ndarray, number: int) -> np.ndarray:
        return spread_out(labels, 1)[np.unique(labels, return_index=True)[1]][
            np.unique(labels, return_inverse=True)[1]
        ]

    assert diagnose(steps(batches_of(order), embed=one_a_landmark)) == []


def test_solved_triplets_are_named() -> None:
    warning = only(
        diagnose(solved_after(20)),
        "Nothing is left to learn: of what the last 50 batches compared, 0.00%",
    )
    assert all(flag in warning for flag in ("--mining=hard", "--margin", "--epochs"))


def test_triplets_that_are_solved_from_the_start_are_named() -> None:
    only(diagnose(solved_after(0)), "Nothing is left to learn: ")


def test_positives_are_learned_from_when_no_negative_is_active() -> None:
    """A contrastive loss of whitened, pretrained features: all are far apart, positives too."""
    assert diagnose(steps(active=lambda n: 0.0, loss=lambda n: 0.9 - 0.001 * n)) == []


def test_a_hundredth_of_the_triplets_is_enough_to_learn_from() -> None:
    assert diagnose(steps(active=lambda n: 0.01)) == []


@pytest.mark.parametrize("unknown", [True, False], ids=["no labels", "each its own"])
def test_batches_with_nothing_to_compare_are_told_from_solved_ones(unknown: bool) -> None:
    def order(epoch: int) -> np.ndarray:
        # A hundred photographs at random, of 16 a batch; each of a landmark of its own.
        return samplers.shuffled_batches(1000, 16, seed=0, epoch=epoch)

    labels = np.full(1000, -1) if unknown else np.arange(1000)
    run = steps(batches_of(order, labels), loss=lambda n: 0.0, active=lambda n: 0.0)
    warning = only(
        diagnose(run, labels), "Nothing is learned: 100% of the last 50 batches held no two"
    )
    assert "--photographs_per_landmark=2" in warning


def gradient_descent(learning_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Losses ``w ** 2 / 2`` and gradient norms ``|w|`` of descent from ``w = 1``.

    A step multiplies ``w`` by 1 - rate: below a rate of 2 that shrinks it, beyond it does not.
    """
    weights = (1 - learning_rate) ** np.arange(STEPS)
    return weights**2 / 2, np.abs(weights)


def test_descent_at_too_high_a_rate_is_named_for_its_loss_and_its_gradients() -> None:
    # The median of the norms of steps 71 to 120 is 1.1 ** 70 = 790 times that of the first 50.
    losses, norms = gradient_descent(2.1)
    run = steps(loss=lambda n: losses[n - 1], gradient_norm=lambda n: norms[n - 1])
    rising, exploding = diagnose(run)
    assert rising.startswith("The loss rises: ")
    assert "lower --learning_rate, lengthen --warm_up" in rising
    assert exploding.startswith("The gradients explode: ")
    assert "--clip_norm" in exploding


def test_descent_at_a_sound_rate_is_not() -> None:
    losses, norms = gradient_descent(1.9)
    run = steps(loss=lambda n: losses[n - 1], gradient_norm=lambda n: norms[n - 1])
    assert diagnose(run) == []


def test_the_lowest_loss_and_its_step_are_named() -> None:
    # Of 50 losses 25 are 0.5 at step 85: a median of (0.2 + 0.5) / 2.
    diagnosis = Diagnosis(LABELS)
    run = steps(loss=lambda n: 0.2 if n <= 60 else 0.5)
    ((number, (warning,)),) = [(s.number, w) for s in run if (w := diagnosis.observe(s))]
    assert number == 85
    assert "The loss rises: 0.35 over the last 50 steps, after 0.2 at step 50" in warning


def test_a_loss_may_rise_while_a_memory_fills() -> None:
    def run() -> Iterator[Step]:
        return steps(loss=lambda n: min(n, 100) / 100, count=200)

    assert len(diagnose(run())) == 1
    assert diagnose(run(), settled_after=100) == []


def test_gradients_that_overflow_are_not_counted() -> None:
    def norm(number: int) -> float:
        return float("inf") if number % 3 else 1.0

    assert diagnose(steps(gradient_norm=norm, count=200)) == []


def in_order(batch: int, labels: np.ndarray = LABELS) -> Callable[[int], np.ndarray]:
    """Records as they lie, landmark after landmark, every epoch."""
    return lambda epoch: np.arange(len(labels) // batch * batch).reshape(-1, batch)


@pytest.mark.parametrize("batch", [2, 3])
def test_input_of_one_landmark_a_batch_is_named(batch: int) -> None:
    warnings = diagnose(steps(batches_of(in_order(batch))))
    warning = only(warnings, "The input is not shuffled: 100% of the last 50 batches show one")
    assert "--landmarks_per_batch=2" in warning


@pytest.mark.parametrize(("batch", "landmarks"), [(5, 40), (8, 40), (32, 400)])
def test_input_in_the_order_of_its_landmarks_is_named(batch: int, landmarks: int) -> None:
    # With 6 photographs a landmark, a batch of 32 shares at most 1 of its 6 or 7 with the one
    # before: more than the 2 % that chance gives 400 landmarks, less than the 16 % of 40.
    labels = np.repeat(np.arange(landmarks), 6)
    warnings = diagnose(steps(batches_of(in_order(batch, labels), labels)), labels)
    warning = only(warnings, "The input is not shuffled: ")
    assert "in the batch before" in warning
    assert "--batches=landmarks" in warning


@pytest.mark.parametrize("landmarks", [2, 3, 9, 40])
@pytest.mark.parametrize("p", [2, 4, 8])
def test_shuffled_landmarks_are_not_however_few_there_are(landmarks: int, p: int) -> None:
    labels = np.repeat(np.arange(landmarks), 6)

    def order(epoch: int) -> np.ndarray:
        return samplers.landmark_batches(labels, p, 2, seed=0, epoch=epoch)

    assert diagnose(steps(batches_of(order, labels), count=200), labels) == []


@pytest.mark.parametrize("sampler", ["pairs", "photographs"])
def test_shuffled_photographs_of_unequal_landmarks_are_not(sampler: str) -> None:
    """A landmark of half of all photographs is in every batch, and rightly so."""
    labels = np.concatenate([np.repeat(99, 200), np.repeat(np.arange(50), 4)])

    def order(epoch: int) -> np.ndarray:
        if sampler == "pairs":
            return samplers.pair_batches(labels, 8, seed=0, epoch=epoch)
        return samplers.shuffled_batches(len(labels), 16, seed=0, epoch=epoch)

    assert diagnose(steps(batches_of(order, labels), count=200), labels) == []
