"""The synthetic city as a source of photographs."""

import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pipeline.data.sources.source import Skipped, SourcePhotograph
from pipeline.data.synthetic_city import CitySettings, city_photograph, landmark_name


class CitySource:
    """The synthetic city: landmark after landmark, then street scenes, which have none."""

    left_out: Sequence[Skipped] = ()
    fingerprint = ""  # the settings decide every photograph

    def __init__(self, settings: CitySettings) -> None:
        self._settings = settings

    @functools.cached_property
    def names(self) -> Mapping[int, str]:
        """Names of the landmarks, by number."""
        numbers = range(self._settings.landmarks)
        return {number: landmark_name(self._settings, number) for number in numbers}

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """The landmark of every photograph."""
        landmarks = np.arange(self._settings.landmarks, dtype=np.int64)
        of_landmarks = np.repeat(landmarks, self._settings.photographs_per_landmark)
        return np.append(of_landmarks, np.full(self._settings.distractors, -1))

    def read(self, numbers: np.ndarray) -> Iterator[SourcePhotograph]:
        """Renders these photographs."""
        of_landmarks = self._settings.landmarks * self._settings.photographs_per_landmark
        for number in map(int, numbers):
            label = int(self.labels[number])
            within = number % self._settings.photographs_per_landmark
            photograph = city_photograph(
                self._settings, label, within if label >= 0 else number - of_landmarks
            )
            yield SourcePhotograph(
                name=f"{photograph.name}.jpg",
                encoded=photograph.encoded,
                landmark=photograph.landmark,
                label=label,
                title=f"{photograph.name}.jpg",
            )
