"""Which landmark a query shows, by votes of the photographs most like it.

Each votes for its landmark with the weight ``-log(1 - p)``, p the probability that it shows what
the query shows; the votes of one landmark then add up to the probability that at least one of
them is right, were they independent. As they are not, the sum is calibrated once more.
"""

import dataclasses
from typing import Any

import numpy as np

from pipeline.recognition import calibration
from pipeline.recognition.calibration import Logistic, Reliability

VOTERS = 10
_FEWEST_LANDMARKS = 8  # each of two photographs at least
_FEWEST_ANSWERED = 20  # that a precision is measured on
_MOST_CERTAIN = 1 - 1e-6
_NO_VOTE = 1e-3  # beside which fewer votes are none
_PRECISIONS = tuple(round(0.01 * hundredths, 2) for hundredths in range(50, 100))
_REPORTED_PRECISION = 0.9
NOT_CALIBRATED = (
    f"at least {_FEWEST_LANDMARKS} landmarks of two photographs each, which the model was not "
    "trained on, are needed to learn how far similarities are to be trusted"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recognised:
    """Which landmark a query shows.

    Attributes:
        label: Of the landmark that has most votes; -1 if nobody voted.
        probability: That it is the right one.
        is_confident: Whether answers as sure as this one have the precision wanted.
    """

    label: int
    probability: float
    is_confident: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """How similarities become probabilities and votes.

    Attributes:
        pairs: From a similarity to the probability that both show the same landmark.
        winners: From the score of the landmark that has most votes to the probability that it is
            the right one.
        thresholds: The least such probability at which answers have each of ``_PRECISIONS``;
            None where no answers have it.
    """

    pairs: Logistic
    winners: Logistic
    thresholds: tuple[float | None, ...]

    def probabilities(self, similarities: np.ndarray) -> np.ndarray:
        """That photographs so similar show the same landmark, of any shape."""
        return self.pairs.probabilities(similarities)

    def recognise(
        self, similarities: np.ndarray, labels: np.ndarray, precision: float
    ) -> Recognised:
        """Recognises the landmark of one query.

        Args:
            similarities: ``(n,)``, best first; ``VOTERS`` of them vote.
            labels: int ``(n,)``, -1 where unknown, which votes for nothing.
            precision: That answers with confidence are to have, .5 to .99.

        Raises:
            ValueError: If the precision is out of range.
        """
        if not _PRECISIONS[0] <= precision <= _PRECISIONS[-1]:
            raise ValueError(
                f"--precision is {_PRECISIONS[0]} to {_PRECISIONS[-1]}. Received: {precision}."
            )
        similarities, labels = similarities[None, :VOTERS], labels[None, :VOTERS]
        if not np.any(labels >= 0):
            return Recognised(label=-1, probability=0.0, is_confident=False)
        label, score = _winners(self.pairs, similarities, labels)
        probability = float(self.winners.probabilities(score)[0])
        threshold = self.thresholds[int(np.searchsorted(_PRECISIONS, precision - 1e-9))]
        return Recognised(
            label=int(label[0]),
            probability=probability,
            is_confident=threshold is not None and probability >= threshold,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Account:
    """How well rules do on landmarks that they were not learned from.

    Attributes:
        queries: How many photographs asked, each twice: with its landmark in the collection, and
            without.
        landmarks: How many they show.
        pairs: How right the probability of a result is; ``winners`` of an answer.
        precision: Wanted of answers with confidence.
        measured_precision: That they had; None where there were none.
        answered: The share of photographs whose landmark is in the collection that were answered
            rightly and with confidence.
        answered_wrongly: The share of those whose landmark is not that were answered so.
    """

    queries: int
    landmarks: int
    pairs: Reliability
    winners: Reliability
    precision: float
    measured_precision: float | None
    answered: float
    answered_wrongly: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recognition:
    """Rules, and how well they do."""

    rules: Rules
    account: Account

    def as_json(self) -> dict[str, Any]:
        """What ``rules_of`` reads back, and the account."""
        return dataclasses.asdict(self)


def rules_of(content: dict[str, Any] | None) -> Rules | None:
    """Rules as ``Recognition.as_json`` tells them; None for None."""
    if content is None:
        return None
    rules = content["rules"]
    return Rules(
        pairs=Logistic(**rules["pairs"]),
        winners=Logistic(**rules["winners"]),
        thresholds=tuple(rules["thresholds"]),
    )


def learn(
    similarities: np.ndarray, labels: np.ndarray, own: np.ndarray, has_others: np.ndarray
) -> Recognition | None:
    """Learns how far the similarities of a collection are to be trusted.

    Every query asks twice: as it is, and with its own landmark left out, as a photograph would
    whose landmark the collection lacks. The account is of two halves of the landmarks, each asked
    with the rules of the other; the rules that are given are learned from both.

    Args:
        similarities: ``(queries, n)``, of the photographs most like each query but for itself,
            best first; -inf where there are fewer.
        labels: int ``(queries, n)``, theirs, -1 where unknown.
        own: int ``(queries,)``, of the queries, all known.
        has_others: bool ``(queries,)``, whether the collection has more of a query's landmark.

    Returns:
        None if there are too few landmarks to learn from.
    """
    is_own = labels == own[:, None]
    asked = np.concatenate([_voters(similarities, labels), _voters(similarities, labels, ~is_own)])
    truth = np.concatenate([own, own])
    shown = np.unique(own[has_others])
    if len(shown) < _FEWEST_LANDMARKS:
        return None
    halves = np.isin(truth, np.random.default_rng(0).permutation(shown)[::2])
    is_known = np.concatenate([has_others, np.zeros_like(has_others)])
    examples = _Examples(asked["similarity"], asked["label"], truth, is_known)
    parts = [examples.some(halves), examples.some(~halves)]
    rules = [_rules(part) for part in parts]
    account = _account(list(zip(rules[::-1], parts, strict=True)), len(own), len(shown))
    return Recognition(rules=_rules(examples), account=account)


@dataclasses.dataclass(frozen=True)
class _Examples:
    """Voters of queries, the queries' own labels, and whether a voter could have it."""

    similarities: np.ndarray
    labels: np.ndarray
    truth: np.ndarray
    is_known: np.ndarray

    def some(self, chosen: np.ndarray) -> "_Examples":
        return _Examples(*(getattr(self, one.name)[chosen] for one in dataclasses.fields(self)))

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Similarities, and whether each is of the same landmark."""
        there = np.isfinite(self.similarities)
        return self.similarities[there], (self.labels == self.truth[:, None])[there]


_VOTER = np.dtype([("similarity", np.float64), ("label", np.int64)])


def _voters(
    similarities: np.ndarray, labels: np.ndarray, allowed: np.ndarray | None = None
) -> np.ndarray:
    """The first ``VOTERS`` that are allowed, ``_VOTER`` ``(queries, VOTERS)``."""
    allowed = np.isfinite(similarities) if allowed is None else allowed & np.isfinite(similarities)
    order = np.argsort(~allowed, axis=1, kind="stable")[:, :VOTERS]
    voters = np.empty(order.shape, _VOTER)
    there = np.take_along_axis(allowed, order, 1)
    voters["similarity"] = np.where(there, np.take_along_axis(similarities, order, 1), -np.inf)
    voters["label"] = np.where(there, np.take_along_axis(labels, order, 1), -1)
    return voters


def _winners(
    pairs: Logistic, similarities: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The label that has most votes, -1 where none has any, and their score; ``(queries,)``.

    The score is the logarithm of the votes, which the probability of being right follows more
    closely than the votes themselves: on descriptors of Google Landmarks v1 its calibration error
    is .02, theirs .07.
    """
    certainty = np.minimum(pairs.probabilities(similarities), _MOST_CERTAIN)
    weights = np.where(labels >= 0, -np.log1p(-certainty), 0.0)
    agree = labels[:, :, None] == labels[:, None, :]
    votes = (agree * weights[:, None, :]).sum(axis=2) * (labels >= 0)
    best = votes.argmax(axis=1)
    every = np.arange(len(labels))
    return labels[every, best], np.log(votes[every, best] + _NO_VOTE)


def _rules(examples: _Examples) -> Rules:
    pairs = calibration.fit(*examples.pairs())
    labels, scores = _winners(pairs, examples.similarities, examples.labels)
    right = labels == examples.truth
    winners = calibration.fit(scores, right)
    certainty = winners.probabilities(scores)
    thresholds = tuple(_threshold(certainty, right, wanted) for wanted in _PRECISIONS)
    return Rules(pairs=pairs, winners=winners, thresholds=thresholds)


def _threshold(certainty: np.ndarray, right: np.ndarray, precision: float) -> float | None:
    """The least certainty at which answers are likely to be right so often.

    That is, so often and by a standard error more.
    """
    order = np.argsort(-certainty, kind="stable")
    answers = np.arange(1, len(order) + 1)
    share = np.cumsum(right[order]) / answers
    reached = share - np.sqrt(share * (1 - share) / answers) >= precision
    reached[: _FEWEST_ANSWERED - 1] = False
    reached[:-1] &= certainty[order][:-1] > certainty[order][1:]  # alike are answered alike
    return float(certainty[order][np.flatnonzero(reached)[-1]]) if reached.any() else None


def _account(judged: list[tuple[Rules, _Examples]], queries: int, landmarks: int) -> Account:
    pairs, same, winners, right, confident = [], [], [], [], []
    place = _PRECISIONS.index(_REPORTED_PRECISION)
    for rules, examples in judged:
        similarities, is_same = examples.pairs()
        pairs.append(rules.probabilities(similarities))
        same.append(is_same)
        labels, scores = _winners(rules.pairs, examples.similarities, examples.labels)
        winners.append(rules.winners.probabilities(scores))
        right.append(labels == examples.truth)
        threshold = rules.thresholds[place]
        confident.append(winners[-1] >= (np.inf if threshold is None else threshold))
    is_right, is_confident = map(np.concatenate, (right, confident))
    is_known = np.concatenate([examples.is_known for _, examples in judged])
    return Account(
        queries=queries,
        landmarks=landmarks,
        pairs=calibration.reliability(np.concatenate(pairs), np.concatenate(same)),
        winners=calibration.reliability(np.concatenate(winners), is_right),
        precision=_REPORTED_PRECISION,
        measured_precision=float(is_right[is_confident].mean()) if is_confident.any() else None,
        answered=float((is_right & is_confident)[is_known].mean()),
        answered_wrongly=float(is_confident[~is_known].mean()),
    )
