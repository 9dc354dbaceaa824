import numpy as np
import pytest
import tensorflow as tf

from pipeline.training.pictures import Triplet, draw_triplets, hardest_triplets
from pipeline.training.step_report import Step

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def on_circle(degrees: list[float]) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def step_of(embeddings: np.ndarray, labels: list[int], images: np.ndarray | tf.Tensor) -> Step:
    return Step(
        number=1,
        loss=0.1,
        active=1.0,
        gradient_norm=1.0,
        learning_rate=1e-3,
        embeddings=embeddings,
        labels=np.array(labels, np.int64),
        images=images,
    )


def blank(count: int) -> np.ndarray:
    return np.zeros((count, 4, 4, 3), np.uint8)


@pytest.mark.parametrize("batch", [1, 2, 5, 12])
def test_hardest_triplets_match_a_loop(batch: int) -> None:
    generator = np.random.default_rng(batch)
    embeddings = on_circle(list(generator.uniform(0, 360, batch)))
    labels = list(generator.integers(-1, 3, batch))
    expected = {}
    for a in range(batch):
        to = {b: float(np.square(embeddings[a] - embeddings[b]).sum()) for b in range(batch)}
        same = [b for b in to if b != a and labels[b] == labels[a]]
        other = [b for b in to if labels[b] >= 0 and labels[b] != labels[a]]
        if labels[a] >= 0 and same and other:
            positive, negative = max(same, key=to.__getitem__), min(other, key=to.__getitem__)
            expected[a] = (positive, negative, to[positive] - to[negative])
    found = hardest_triplets(step_of(embeddings, labels, blank(batch)), batch)
    assert {t.anchor: (t.positive, t.negative) for t in found} == {
        a: (positive, negative) for a, (positive, negative, _) in expected.items()
    }
    gaps = [t.to_positive - t.to_negative for t in found]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps == pytest.approx(sorted((e[2] for e in expected.values()), reverse=True), abs=1e-5)


def test_only_as_many_as_asked_for_and_the_hardest_of_them() -> None:
    # Landmark 0 at 0, 90 degrees and 1 at 80, 180: anchor 90 has its negative at 10 degrees and
    # its positive at 90; for anchor 80 the negative is as near, and the positive at 100.
    step = step_of(on_circle([0, 90, 80, 180]), [0, 0, 1, 1], blank(4))
    (triplet,) = hardest_triplets(step, 1)
    assert (triplet.anchor, triplet.positive, triplet.negative) == (2, 3, 1)
    # |a - b|^2 = 2 - 2 cos: 2.3473 at 100 degrees, 0.0304 at 10.
    assert triplet.to_positive == pytest.approx(2.3473, abs=1e-4)
    assert triplet.to_negative == pytest.approx(0.0304, abs=1e-4)


def test_photographs_that_other_replicas_hold_are_left_out() -> None:
    step = step_of(on_circle([0, 50, 60, 180, 1]), [0, 0, 1, 0, 1], blank(3))
    found = {(t.anchor, t.positive, t.negative) for t in hardest_triplets(step, 9)}
    assert found == {(0, 1, 2), (1, 0, 2)}


@pytest.mark.parametrize("labels", [[], [3], [3, 3], [3, 4], [-1, -1, -1], [3, 3, -1]])
def test_where_nothing_can_be_compared_there_is_none(labels: list[int]) -> None:
    embeddings = on_circle([10.0 * number for number in range(len(labels))])
    assert hardest_triplets(step_of(embeddings, labels, blank(len(labels))), 9) == []


@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_a_row_shows_anchor_positive_and_negative_in_their_colours(kind: str) -> None:
    pixels = np.zeros((3, 8, 8, 3), np.uint8)
    pixels[:] = np.array([BLUE, RED, GREEN])[:, None, None]
    images = tf.constant(pixels) if kind == "tensor" else pixels
    step = step_of(on_circle([0, 20, 40]), [7, 5, 7], images)
    triplet = Triplet(anchor=2, positive=0, negative=1, to_positive=0.47, to_negative=0.12)
    one = draw_triplets(step, [triplet])
    assert one.dtype == np.uint8
    width = one.shape[1]
    for column, colour in enumerate((GREEN, BLUE, RED)):
        third = one[:, column * width // 3 : (column + 1) * width // 3].reshape(-1, 3)
        coloured = third[(third.max(axis=1) - third.min(axis=1)) == 255]
        assert len(coloured) > 0.3 * len(third)
        assert np.all(coloured == colour)
    two = draw_triplets(step, [triplet, triplet])
    assert two.shape[0] == pytest.approx(2 * one.shape[0], abs=2)
