"""What a run learns from, and how its batches are made."""

import dataclasses
from pathlib import Path

from pipeline import command_line
from pipeline.command_line import setting
from pipeline.data.training_data import Batches, TrainingData


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which records or triplets, and what a batch is made of."""

    records: Path | None = setting("Labelled records to learn from, tfrecords/NAME.", default=None)
    split: str = setting("Split of the labelled records to learn from.", default="train")
    triplets: str | None = setting(
        "Kaggle's triplet files to learn from as they are, a glob.", default=None
    )
    batches: Batches = setting(
        "What a batch of --records is made of: P landmarks by K photographs, photographs of any "
        "landmark, pairs, or the triplets that the records were built from.",
        default="landmarks",
    )
    landmarks_per_batch: int = setting(
        "P: landmarks a batch; or the photographs, pairs or triplets of one.", default=8
    )
    photographs_per_landmark: int = setting("K: photographs a landmark of a batch.", default=4)

    def __post_init__(self) -> None:
        """Checks what cannot go together."""
        if (self.records is None) == (self.triplets is None):
            raise ValueError("Pass either --records=tfrecords/NAME or --triplets='DIR/*.tfrec'.")
        command_line.require_at_least(
            self,
            landmarks_per_batch=2 if self.examples in ("landmarks", "photographs") else 1,
            photographs_per_landmark=2,
        )
        if self.triplets is not None:
            command_line.require_default(self, "--triplets", "batches", "split")
        if self.examples != "landmarks":
            what = f"batches of {self.examples}"
            command_line.require_default(self, what, "photographs_per_landmark")

    @property
    def examples(self) -> Batches:
        """What a batch is made of, by whichever flag."""
        return self.batches if self.triplets is None else "triplets"

    def training_data(self) -> TrainingData:
        """Opens what is to be learned from.

        Raises:
            FileNotFoundError: If it is not there.
            ValueError: If it is damaged, or cannot be made such batches of.
        """
        batch = self.landmarks_per_batch
        if self.triplets is not None:
            return TrainingData.triplet_files(self.triplets, batch=batch)
        if self.records is None:
            raise ValueError("--records=tfrecords/NAME is missing.")
        if self.batches == "triplets":
            return TrainingData.recorded_triplets(self.records, self.split, batch=batch)
        if self.batches == "photographs":
            return TrainingData.shuffled(self.records, self.split, batch=batch)
        if self.batches == "pairs":
            return TrainingData.pairs(self.records, self.split, batch=batch)
        return TrainingData.labelled(
            self.records, self.split, landmarks=batch, photographs=self.photographs_per_landmark
        )
