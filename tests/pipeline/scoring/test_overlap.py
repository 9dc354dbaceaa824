"""What a model has learned from among what it is tested on, counted by hand."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline import model_folder
from pipeline.scoring import overlap

NOT_KNOWN: set[str] | None = None


def photographs(*told: tuple[str, str, int]) -> pa.Table:
    """Content, name of the landmark, label."""
    columns = zip(*told, strict=True)
    return pa.table(dict(zip(("content", "landmark", "label"), map(list, columns), strict=True)))


def counted(
    monkeypatch: pytest.MonkeyPatch,
    asking: pa.Table,
    *,
    contents: list[bytes],
    names: set[str] | None,
    landmarks: list[int] | None = None,
    held: pa.Table | None = None,
) -> Any:
    monkeypatch.setattr(model_folder, "is_imported", lambda _: False)
    monkeypatch.setattr(model_folder, "learned_contents", lambda _: np.array(contents, bytes))
    monkeypatch.setattr(model_folder, "learned_landmarks", lambda _: names)
    index: Any = SimpleNamespace(
        model=Path("model"), stored=SimpleNamespace(metadata=asking if held is None else held)
    )
    groups = None if landmarks is None else np.array(landmarks)
    return overlap.with_training(index, asking, groups)["landmarks_trained_on"]


def test_landmarks_without_names_are_known_by_their_photographs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Photograph b was learned from, so that a and b's landmark was."""
    asking = photographs(("a", "", 0), ("b", "", 0), ("c", "", 1), ("d", "", 1))
    found = counted(monkeypatch, asking, contents=[b"b"], names=NOT_KNOWN, landmarks=[0, 0, 1, 1])
    assert found == 1


def test_a_landmark_is_known_by_a_photograph_of_the_index_that_does_not_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = photographs(("a", "", 0), ("b", "", 0), ("c", "tower", 1), ("d", "", 2))
    asking = photographs(("a", "", 0), ("x", "tower", 5), ("d", "", 2))
    groups, learned = [0, 1, 2], [b"b", b"c"]
    found = counted(
        monkeypatch, asking, contents=learned, names=NOT_KNOWN, landmarks=groups, held=held
    )
    assert found == 2, "a's by b, x's by the name of c"


@pytest.mark.parametrize(
    ("contents", "names", "called", "expected"),
    [
        ([b"z"], NOT_KNOWN, "tower", None),
        ([b"z"], {"bridge"}, "", None),
        ([b"z"], {"bridge"}, "tower", 0),
        ([b"z"], {"tower"}, "tower", 1),
        ([b"a"], NOT_KNOWN, "tower", 1),
        ([], set(), "", 0),
    ],
)
def test_none_is_told_only_where_names_tell_it(
    monkeypatch: pytest.MonkeyPatch,
    contents: list[bytes],
    names: set[str] | None,
    called: str,
    expected: int | None,
) -> None:
    asking = photographs(("a", called, 0), ("b", called, 0))
    found = counted(monkeypatch, asking, contents=contents, names=names, landmarks=[0, 0])
    assert found == expected


def test_without_landmarks_of_their_own_those_of_one_name_are_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking = photographs(("a", "tower", 0), ("b", "tower", 3), ("c", "bridge", 1))
    assert counted(monkeypatch, asking, contents=[b"z"], names={"tower", "bridge"}) == 2
