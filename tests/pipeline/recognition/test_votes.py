import dataclasses
import json

import numpy as np
import pytest

from pipeline.recognition import votes
from pipeline.recognition.calibration import Logistic
from pipeline.recognition.votes import VOTERS, Recognition, Rules

LANDMARKS = 40


def neighbours(seed: int, spread: float = 0.12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of 400 queries: similarities and labels of 30 photographs each, and the own labels."""
    generator = np.random.default_rng(seed)
    own = generator.integers(LANDMARKS, size=400)
    labels = generator.integers(LANDMARKS, size=(400, 30))
    labels[:, ::5] = own[:, None]
    labels[:, 1::10] = -1
    is_own = labels == own[:, None]
    similarities = np.where(is_own, 0.7, 0.4) + spread * generator.normal(size=labels.shape)
    order = np.argsort(-similarities, axis=1)
    return np.take_along_axis(similarities, order, 1), np.take_along_axis(labels, order, 1), own


def learned(seed: int = 0) -> Recognition:
    similarities, labels, own = neighbours(seed)
    found = votes.learn(similarities, labels, own, np.ones(len(own), bool))
    assert found is not None
    return found


def test_answers_with_confidence_have_the_precision_wanted_on_other_landmarks() -> None:
    rules = learned().rules
    similarities, labels, own = neighbours(1)
    for precision in (0.7, 0.9):
        answers = [
            rules.recognise(one, known, precision)
            for one, known in zip(similarities, labels, strict=True)
        ]
        right = [
            answer.label == truth
            for answer, truth in zip(answers, own, strict=True)
            if answer.is_confident
        ]
        assert len(right) > 100
        assert np.mean(right) > precision - 0.05


def test_a_landmark_that_is_not_there_is_seldom_named() -> None:
    account = learned().account
    assert account.answered > 0.5
    assert account.answered_wrongly < 0.15
    assert account.measured_precision == pytest.approx(0.9, abs=0.07)
    assert account.pairs.error < 0.05
    assert account.winners.error < 0.06
    assert account.queries == 400
    assert account.landmarks == LANDMARKS


def test_similarities_that_tell_nothing_give_no_confident_answer() -> None:
    generator = np.random.default_rng(2)
    own, labels = (
        generator.integers(LANDMARKS, size=400),
        generator.integers(LANDMARKS, size=(400, 30)),
    )
    similarities = np.sort(generator.random(labels.shape), axis=1)[:, ::-1]
    found = votes.learn(similarities, labels, own, np.ones(len(own), bool))
    assert found is not None
    assert found.rules.thresholds[-1] is None
    assert found.account.answered == found.account.answered_wrongly == 0
    assert found.account.measured_precision is None


def test_too_few_landmarks_teach_nothing() -> None:
    similarities, labels, own = neighbours(0)
    few = own < 7
    has_others = np.ones(int(few.sum()), bool)
    assert votes.learn(similarities[few], labels[few], own[few], has_others) is None
    assert votes.learn(similarities, labels, own, np.zeros(len(own), bool)) is None


def test_many_weaker_votes_outweigh_one_and_the_unknown_has_none() -> None:
    rules = dataclasses.replace(learned().rules, pairs=Logistic(slope=10.0, intercept=-6.0))
    similarities = np.array([0.7, 0.65, 0.64, 0.63])
    assert rules.recognise(similarities, np.array([1, 2, 2, 2]), 0.9).label == 2
    assert rules.recognise(similarities, np.array([1, 2, 3, -1]), 0.9).label == 1
    assert rules.recognise(similarities, np.array([-1, -1, -1, 3]), 0.9).label == 3
    late = np.concatenate([np.arange(VOTERS), [5, 5, 5]])
    assert rules.recognise(np.linspace(0.9, 0.5, len(late)), late, 0.9).label == 0


@pytest.mark.parametrize("labels", [[], [-1, -1]])
def test_without_a_vote_nothing_is_recognised(labels: list[int]) -> None:
    found = learned().rules.recognise(np.full(len(labels), 0.9), np.array(labels, int), 0.5)
    assert (found.label, found.probability, found.is_confident) == (-1, 0.0, False)


def test_a_higher_precision_takes_no_less_certainty() -> None:
    thresholds = [one for one in learned().rules.thresholds if one is not None]
    assert len(thresholds) > 30
    assert thresholds == sorted(thresholds)


def test_rules_are_read_back_as_they_were_written() -> None:
    recognition = learned()
    again = votes.rules_of(json.loads(json.dumps(recognition.as_json())))
    assert again == recognition.rules
    assert votes.rules_of(None) is None


@pytest.mark.parametrize("precision", [0.49, 1.0, -1])
def test_a_precision_out_of_range_is_refused(precision: float) -> None:
    rules: Rules = learned().rules
    with pytest.raises(ValueError, match=r"--precision is 0\.5 to 0\.99"):
        rules.recognise(np.array([0.5]), np.array([1]), precision)
