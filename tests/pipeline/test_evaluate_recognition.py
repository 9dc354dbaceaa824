import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.embeddings.files import Embeddings, read_embeddings
from pipeline.evaluate_recognition import Settings, evaluate_recognition, main
from pipeline.recognition.calibration import Logistic
from pipeline.recognition.votes import Rules
from pipeline.scoring.landmark_submissions import read_recognition_submission
from tests.tiny import Tiny, write_photographs


@pytest.fixture(scope="module")
def model(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, which has described seven photographs more, the first of its own index."""
    root = tmp_path_factory.mktemp("recognition")
    model = Path(shutil.copytree(tiny.model, root / "model"))
    write_photographs(root / "asking", landmarks=7, photographs=1)
    embed(EmbedSettings(model=model, photos=str(root / "asking")))
    return model


@pytest.fixture(scope="module")
def asking(model: Path) -> Embeddings:
    return read_embeddings([model / "embeddings" / "asking"])


def settings_of(model: Path, **more: Path) -> Settings:
    return Settings(index=model / "indexes" / "squares-flat", queries=("asking",), **more)


def expected_answers(held: Embeddings, asking: Embeddings) -> list[tuple[int, float]]:
    """The most similar photograph's landmark, but for the photograph itself."""
    answers = []
    own = asking.metadata["content"].to_pylist()
    contents = held.metadata["content"].to_pylist()
    for vector, content in zip(asking.vectors, own, strict=True):
        similarities = held.vectors @ vector
        rows = [row for row in range(len(contents)) if contents[row] != content]
        best = max(rows, key=lambda row: similarities[row])
        answers.append((int(held.labels[best]), float(similarities[best])))
    return answers


def test_answers_are_written_and_scored(
    tiny: Tiny, model: Path, asking: Embeddings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = asking.metadata["id"].to_pylist()
    expected = expected_answers(read_embeddings([tiny.embeddings]), asking)
    # The first photograph's answer is called right, the second's wrong, the third shows nothing;
    # of the rest one is right.
    shown = [str(expected[0][0]), str(expected[1][0] + 1), "", str(expected[3][0]), "77", "78", ""]
    usages = ["Public", "Public", "Private", "Private", "Private", "Private", "Ignored"]
    solution = tmp_path / "recognition_solution_v2.1.csv"
    rows = [f"{i},{text},{usage}" for i, text, usage in zip(ids, shown, usages, strict=True)]
    solution.write_text("\n".join(["id,landmarks,Usage", *rows]) + "\n")
    settings = settings_of(model, solution=solution, submission=tmp_path / "answers.csv")
    main(settings)
    printed = capsys.readouterr().out
    written = read_recognition_submission(tmp_path / "answers.csv")
    for name, (landmark, similarity) in zip(ids, expected, strict=True):
        assert written[name].landmark == landmark
        assert written[name].score == pytest.approx(similarity, abs=1e-5)

    scored = range(6)
    order = sorted(scored, key=lambda n: (-expected[n][1], ids[n]))
    right, total = 0, 0.0
    for place, n in enumerate(order, start=1):
        if n in (0, 3):
            right += 1
            total += right / place
    output = model / "metrics" / "squares-flat-recognition-asking.json"
    told = json.loads(output.read_text())
    assert told["scores"]["GAP"] == pytest.approx(total / 5), "five of the six show a landmark"
    assert told["answered"] == 6
    assert str(output) in printed
    assert "GAP" in printed


def test_calibrated_votes_answer_where_the_index_has_them(
    model: Path, asking: Embeddings, tiny: Tiny, tmp_path: Path
) -> None:
    """With votes that grow steeply the answer is the nearest again, by its probability."""
    model = Path(shutil.copytree(model, tmp_path / "model"))
    path = model / "indexes" / "squares-flat" / "manifest.json"
    content = json.loads(path.read_text())
    logistic = {"slope": 1.0, "intercept": 0.0}
    assert set(Logistic.__dataclass_fields__) == set(logistic)
    rules = {"pairs": logistic, "winners": logistic, "thresholds": [0.5] * 50}
    assert set(Rules.__dataclass_fields__) == set(rules)
    content["recognition"] = {"rules": rules, "account": {}}
    path.write_text(json.dumps(content))
    evaluate_recognition(settings_of(model, submission=tmp_path / "answers.csv"))
    written = read_recognition_submission(tmp_path / "answers.csv")
    assert len(written) == len(asking.labels)
    scores = np.array([one.score for one in written.values()])
    similarities = [one for _, one in expected_answers(read_embeddings([tiny.embeddings]), asking)]
    assert not np.allclose(scores, similarities), "probabilities, not similarities"
    assert np.all((scores > 0) & (scores < 1))


def test_a_solution_of_other_photographs_is_refused(model: Path, tmp_path: Path) -> None:
    solution = tmp_path / "recognition_solution_v2.1.csv"
    solution.write_text("id,landmarks,Usage\nsomething,0,Public\n")
    with pytest.raises(ValueError, match="7 of the 7 photographs that are answered are not in"):
        evaluate_recognition(settings_of(model, solution=solution))


def test_landmarks_of_another_numbering_are_refused(
    model: Path, asking: Embeddings, tmp_path: Path
) -> None:
    solution = tmp_path / "recognition_solution_v2.1.csv"
    rows = [f"{one},{1000 + n},Public" for n, one in enumerate(asking.metadata["id"].to_pylist())]
    solution.write_text("\n".join(["id,landmarks,Usage", *rows]) + "\n")
    with pytest.raises(ValueError, match=r"None of the 7 landmarks .* has a number that"):
        evaluate_recognition(settings_of(model, solution=solution))


def test_an_index_of_two_numberings_is_refused(model: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(model, tmp_path / "model"))
    index = build_index(IndexSettings(model=model, data=("squares", "asking")))
    settings = Settings(index=index, queries=("asking",), submission=tmp_path / "answers.csv")
    with pytest.raises(ValueError, match="labelled photographs of asking, squares, each of which"):
        evaluate_recognition(settings)
    assert not (tmp_path / "answers.csv").exists()


def test_something_has_to_come_of_it(model: Path) -> None:
    with pytest.raises(ValueError, match="Pass --solution=FILE"):
        settings_of(model)
