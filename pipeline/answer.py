"""What a collection answers to a query photograph."""

import dataclasses

from pipeline.ranking.verification import Verification
from pipeline.stored_photograph import StoredPhotograph


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """A photograph found.

    Attributes:
        rank: 1 for the best.
        similarity: The cosine, or the index's estimate of it, also where results were reordered.
        probability: That it shows the landmark that the query shows; None where the collection
            has too few labels to learn that from.
        photograph: What is known of it.
        verification: What its local features and the query's have in common; None where they were
            not compared.
    """

    rank: int
    similarity: float
    probability: float | None
    photograph: StoredPhotograph
    verification: Verification | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recognition:
    """Which landmark a query shows, by votes of the photographs most like it.

    Attributes:
        landmark: Its name; None where nobody voted, and "" where it has a label and no name.
        probability: That it is the right one.
        is_confident: Whether answers as sure as this one have the precision wanted.
    """

    landmark: str | None
    probability: float
    is_confident: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What a collection says of a query.

    Attributes:
        results: The photographs most like it, best first.
        recognition: Which landmark it shows; None where the collection has too few labels to
            learn from how far similarities are to be trusted.
    """

    results: list[Result]
    recognition: Recognition | None
