"""Results move up by how surely their local features lie as the query's do."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.engine import Engine
from pipeline.evaluate import Settings as EvaluateSettings
from pipeline.evaluate import evaluate
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.extract import Settings as ExtractSettings
from pipeline.extract import extract
from pipeline.index.collection import load_collection
from pipeline.query_photograph import read_photograph
from pipeline.ranking.verification import NOTHING, Verification
from pipeline.ranking.verifier import Verifier, verified_order
from pipeline.search import Settings, draw, search, table_of
from tests.pictures import picture
from tests.tiny import Tiny

PLACES = 5


def write_places(folder: Path) -> None:
    """Two photographs of each place, the second shifted and darker, in the order of the places."""
    for place in range(PLACES):
        seen = picture(place, 240)
        for number, image in enumerate((seen[:200, :200], seen[30:230, 20:220] // 2)):
            path = folder / f"place {place}" / f"{number}.png"
            tf.io.write_file(str(path), tf.io.encode_png(image))
    tf.io.write_file(
        str(folder / "a wall" / "0.png"), tf.io.encode_png(np.full((60, 60, 3), 90, np.uint8))
    )


@pytest.fixture(scope="module")
def folder(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of places, and SIFT's features of them."""
    root = tmp_path_factory.mktemp("places")
    ignored = shutil.ignore_patterns("embeddings", "indexes")
    model = Path(shutil.copytree(tiny.model, root / "model", ignore=ignored))
    write_places(root / "places")
    embed(EmbedSettings(model=model, photos=str(root / "places")))
    build_index(IndexSettings(model=model, data=("places",), kind="flat"))
    sift = export(ExportSettings(model=root / "sift", classical="sift"))
    extract(ExtractSettings(model=sift, photos=str(root / "places"), most=300))
    return root


@pytest.fixture(scope="module")
def index(folder: Path) -> Path:
    return folder / "model" / "indexes" / "places-flat"


@pytest.fixture(scope="module")
def engine(folder: Path, index: Path) -> Engine:
    return Engine(index, extractor=folder / "sift")


def test_the_same_place_comes_first_and_all_others_in_their_order(
    engine: Engine, folder: Path, index: Path
) -> None:
    plain = Engine(index)
    for place in range(PLACES):
        image = read_photograph(folder / "places" / f"place {place}" / "1.png")
        before = plain.search(image, 11)
        results = engine.search(image, 11)
        assert [one.photograph.title for one in results[:2]] == [
            f"place {place}/1.png",
            f"place {place}/0.png",
        ]
        assert [one.rank for one in results] == list(range(1, 12))
        certain = [one.verification.is_certain for one in results if one.verification]
        assert certain == [True] * 2 + [False] * 9
        rest = [one.photograph.id for one in results[2:]]
        assert rest == [one.photograph.id for one in before if one.photograph.id in rest]
        similarities = {one.photograph.id: one.similarity for one in before}
        assert {one.photograph.id: one.similarity for one in results} == similarities


def test_fewer_results_are_the_first_of_those_that_were_verified(
    engine: Engine, folder: Path
) -> None:
    image = read_photograph(folder / "places" / "place 3" / "1.png")
    first = engine.search(image, 1)
    assert [one.photograph.title for one in first] == ["place 3/1.png"]
    assert len(engine.search(image, 4)) == 4


def test_a_box_verifies_what_lies_in_it(engine: Engine, folder: Path) -> None:
    """Two places side by side: the box says which."""
    images = [read_photograph(folder / "places" / f"place {n}" / "0.png") for n in (1, 4)]
    both = np.concatenate(images, axis=1)
    for place, box in ((1, (0, 0, 200, 200)), (4, (200, 0, 400, 200))):
        results = engine.search(both, 2, box=box)
        assert {one.photograph.landmark for one in results} == {f"place {place}"}
        (found,) = [one for one in results if one.photograph.title.endswith("0.png")]
        assert found.verification is not None
        here, there = found.verification.points[:, 0], found.verification.points[:, 1]
        np.testing.assert_allclose(here, there, atol=3)  # within the box, not the photograph


@pytest.mark.parametrize("side", [1, 20])
def test_a_query_that_shows_nothing_leaves_the_order_as_it_is(
    side: int, engine: Engine, index: Path
) -> None:
    image = np.full((side, side, 3), 200, np.uint8)
    before = [one.photograph.id for one in Engine(index).search(image, 11)]
    results = engine.search(image, 11)
    assert [one.photograph.id for one in results] == before
    assert not any(one.verification.is_certain for one in results if one.verification)


def of(inliers: int, score: float) -> Verification:
    return Verification(
        inliers=inliers,
        score=score,
        transform=None,
        matches=NOTHING.matches,
        points=NOTHING.points,
    )


def test_a_verification_adds_to_a_place_by_how_sure_it_is() -> None:
    """Places are worth 1, .83, .67, .5, .33, .17; verifications 0, .39, .05, .59, .55, 0."""
    found = [NOTHING, of(9, 5.0), of(20, 0.5), of(12, 9.0), of(12, 8.0), NOTHING]
    assert verified_order(found).tolist() == [1, 3, 0, 4, 2, 5]
    assert verified_order([NOTHING] * 7).tolist() == list(range(7))
    assert verified_order([]).tolist() == []


def test_a_search_tells_and_draws_what_matched(folder: Path, index: Path, tmp_path: Path) -> None:
    settings = Settings(
        index=index,
        photo=folder / "places" / "place 2" / "1.png",
        verify=folder / "sift",
        explain=True,
        k=3,
        mosaic=tmp_path / "explained.png",
    )
    results = search(settings).results
    header, first, second, third = (line.split() for line in table_of(results).splitlines())
    assert header[:4] == ["rank", "similarity", "matches", "probability"]
    assert int(first[2]) > int(second[2]) > 10
    assert third[2].startswith("(")
    draw(settings, results)
    # Two cells of 6.4 by 3.1 inches side by side, two rows, at 100 pixels an inch.
    drawn = tf.io.decode_png(settings.mosaic.read_bytes()).numpy()
    assert drawn.shape[:2] == (620, 1280)
    green = np.abs(drawn[..., :3].astype(int) - (0x19, 0xC3, 0x7D)).sum(axis=2) < 60
    assert green[:310].sum() > 200, "of the certain ones, in the first row"
    assert not green[310:].any()


def test_verification_is_scored_alone_and_after_other_steps(folder: Path, index: Path) -> None:
    """Of each of ten photographs the other of its place is verified, so that it comes first."""
    extractor = folder / "sift"
    result = evaluate(EvaluateSettings(index=index, verify=extractor))
    assert result.name == "places-flat-verify-sift.json"
    alone = json.loads(result.read_text())
    assert alone["queries"] == 10
    assert [step["step"] for step in alone["steps"]] == ["as it is", "verify"]
    before, after = (step["scores"] for step in alone["steps"])
    assert before == json.loads(evaluate(EvaluateSettings(index=index)).read_text())["scores"]
    assert before["recall@1"] < 1
    assert after["recall@1"] == after["mAP"] == 1
    assert alone["scores"] == after
    assert "--verify=" in alone["command"]
    last = json.loads(
        evaluate(EvaluateSettings(index=index, verify=extractor, expand=2)).read_text()
    )
    assert [step["step"] for step in last["steps"]] == ["as it is", "expand2", "verify"]
    assert last["scores"]["recall@1"] == 1


@pytest.mark.parametrize("steps", [{}, {"expand": 2, "candidates": 2}])
def test_all_that_is_verified_is_found_however_few_places_count(
    folder: Path, index: Path, steps: dict[str, int]
) -> None:
    """The other of its place is not found first of all, but verified it counts as the first."""
    flags: dict[str, Any] = {"index": index, "verify": folder / "sift", "depth": 1, **steps}
    result = json.loads(evaluate(EvaluateSettings(**flags)).read_text())
    assert result["steps"][0]["scores"]["recall@1"] < 1
    assert result["scores"]["recall@1"] == 1


def test_photographs_without_local_features_are_told(folder: Path, tmp_path: Path) -> None:
    """Never passed over: an index has grown, and the features have not."""
    model = Path(shutil.copytree(folder / "model", tmp_path / "model"))
    photos = Path(shutil.copytree(folder / "places", tmp_path / "places"))
    tf.io.write_file(str(photos / "new" / "0.png"), tf.io.encode_png(picture(77)))
    embed(EmbedSettings(model=model, photos=str(photos), overwrite=True))
    index = build_index(IndexSettings(model=model, data=("places",), kind="flat", overwrite=True))
    with pytest.raises(
        ValueError,
        match=r"1 photographs of the index have no local features in .*sift, '\w{16}' of places "
        r"for one; find them with `python -m pipeline\.extract --model=.*sift ",
    ):
        Verifier(folder / "sift", load_collection(index))


def test_a_missing_store_names_the_command(folder: Path, index: Path, tmp_path: Path) -> None:
    sift = export(ExportSettings(model=tmp_path / "sift", classical="sift"))
    with pytest.raises(FileNotFoundError, match=r"`python -m pipeline\.extract --model=.*/sift "):
        Engine(index, extractor=sift)


def test_features_of_another_extractor_are_refused(
    folder: Path, index: Path, tmp_path: Path
) -> None:
    sift = export(ExportSettings(model=tmp_path / "sift", classical="sift", upright=False))
    shutil.copytree(folder / "sift" / "local_features", sift / "local_features")
    with pytest.raises(
        ValueError,
        match=r"found by the extractor \w{12}; .*sift is \w{12}\. Find them anew with `python -m "
        r"pipeline\.extract --model=.*sift --records=tfrecords/places --most=300 --overwrite`",
    ):
        Engine(index, extractor=sift)


def test_to_explain_there_has_to_be_something_verified() -> None:
    with pytest.raises(ValueError, match=r"--explain has no effect with no --verify"):
        Settings(index=Path("index"), photo=Path("a.jpg"), explain=True)
    with pytest.raises(ValueError, match="--verify has no effect with --duplicates"):
        Settings(index=Path("index"), duplicates=True, verify=Path("sift"))
