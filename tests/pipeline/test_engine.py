import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline import manifest
from pipeline.build_index import Settings, build_index
from pipeline.engine import Engine
from pipeline.query_photograph import crop, read_photograph, shares
from pipeline.ranking.settings import RankingSettings
from tests.tiny import Tiny


@pytest.fixture(scope="module", params=["flat", "milvus"])
def engine(
    tiny: Tiny, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Engine:
    if request.param == "flat":
        return Engine(tiny.index)
    model = Path(shutil.copytree(tiny.model, tmp_path_factory.mktemp("milvus") / "model"))
    return Engine(build_index(Settings(model=model, data=("squares",), kind=request.param)))


def test_a_photograph_of_the_collection_finds_itself_first(tiny: Tiny, engine: Engine) -> None:
    for path in sorted(tiny.photos.rglob("*.jpg"))[::5]:
        image = read_photograph(path)
        first = engine.search(image, 3)[0]
        assert first.photograph.title == path.relative_to(tiny.photos).as_posix()
        assert first.photograph.landmark == path.parent.name
        assert first.similarity == pytest.approx(1.0, abs=1e-4)
        np.testing.assert_array_equal(first.photograph.read_image(), image)


def test_results_are_ranked_and_never_more_than_the_collection_holds(
    tiny: Tiny, engine: Engine
) -> None:
    results = engine.search(read_photograph(tiny.photos / "landmark 2" / "1.jpg"), 1000)
    assert [result.rank for result in results] == list(range(1, 25))
    similarities = [result.similarity for result in results]
    assert similarities == sorted(similarities, reverse=True)
    assert len({result.photograph.id for result in results}) == 24


def test_a_box_of_the_photograph_asks_as_the_part_alone_would(tiny: Tiny, engine: Engine) -> None:
    whole = np.concatenate(
        [read_photograph(tiny.photos / f"landmark {number}" / "0.jpg") for number in (1, 4)],
        axis=1,
    )
    for box, landmark in (((0, 0, 48, 40), "landmark 1"), ((48, 0, 96, 40), "landmark 4")):
        (best,) = engine.ask(whole, 1, box=box, box_from="photograph").results
        assert best.photograph.landmark == landmark


def test_a_box_may_be_cut_out_of_the_feature_map(tiny: Tiny, engine: Engine) -> None:
    """The left half of 48 pixels: what the model says of it is what is asked with."""
    query = read_photograph(tiny.photos / "landmark 1" / "0.jpg")
    outputs = tf.saved_model.load(str(tiny.model / "saved_model")).signatures["region"](
        image_bytes=tf.io.encode_png(query)[None], box=tf.constant([[0.0, 0.25, 0.5, 1.0]])
    )
    expected = outputs["global_descriptor"].numpy()[0]
    answer = engine.ask(query, 24, box=(-3, 10, 24, 99), box_from="feature_map")
    for result in answer.results[::6]:
        image = result.photograph.read_image()
        (stored,) = np.asarray(engine.descriptor.describe_images(image[None]))
        assert result.similarity == pytest.approx(float(expected @ stored), abs=1e-3)
    by_default = engine.ask(query, 24, box=(-3, 10, 24, 99)).results
    assert by_default == answer.results
    whole = engine.ask(query, 3, box=(0, 0, 48, 40), box_from="feature_map").results
    assert whole[0].similarity == pytest.approx(1.0, abs=1e-4)
    with pytest.raises(ValueError, match="48 wide and 40 high"):
        engine.ask(query, 3, box=(9, 9, 9, 9), box_from="feature_map")


def test_crop_counts_x_to_the_right_and_y_down_and_stops_at_the_edge() -> None:
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    np.testing.assert_array_equal(crop(image, (1, 2, 5, 3)), image[2:3, 1:5])
    np.testing.assert_array_equal(crop(image, (-3, -3, 99, 2)), image[:2])
    assert crop(image, None) is image


@pytest.mark.parametrize("box", [(3, 0, 3, 4), (4, 0, 2, 4), (6, 0, 9, 4), (-9, -9, -1, -1)])
def test_a_box_without_a_part_of_the_photograph_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="6 wide and 4 high"):
        crop(np.zeros((4, 6, 3), np.uint8), box)


def test_shares_of_a_box_stop_at_the_edge() -> None:
    # 2 to 6 of 8 across, 3 to the end down.
    found = shares(np.zeros((4, 8, 3), np.uint8), (2, 3, 6, 99))
    np.testing.assert_array_equal(found, [0.25, 0.75, 0.75, 1.0])


def test_no_results_cannot_be_asked_for(engine: Engine) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        engine.search(np.zeros((9, 9, 3), np.uint8), 0)


def test_an_index_of_another_model_is_refused_with_both_named(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "model" / "indexes" / "squares-flat"
    shutil.copytree(tiny.index, folder)
    shutil.copytree(tiny.model / "saved_model", tmp_path / "model" / "saved_model")
    shutil.copy(tiny.model / "model.json", tmp_path / "model" / "model.json")
    assert Engine(folder).search(np.zeros((9, 9, 3), np.uint8), 1)
    described = manifest.read_json(folder / "manifest.json", "")
    manifest.write_json(folder / "manifest.json", {**described, "model_fingerprint": "0" * 64})
    model = manifest.read_json(tiny.model / "model.json", "")["fingerprint"]
    with pytest.raises(ValueError, match=rf"model 0{{12}}; .* is {model[:12]}"):
        Engine(folder)


def test_an_index_of_an_earlier_version_is_refused(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.engine._TOLD", ["id", "place"])
    with pytest.raises(ValueError, match=r"was built by an earlier version and lacks place; run"):
        Engine(tiny.index)


def test_a_missing_index_or_record_file_is_named(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"make it with `python -m pipeline\.build_index"):
        Engine(tmp_path)
    (stored,) = Engine(tiny.index).photographs(np.array([3]))
    moved = Path(stored.shard)
    try:
        moved.rename(moved.with_suffix(".away"))
        with pytest.raises(FileNotFoundError, match="copy it back"):
            stored.read_image()
    finally:
        moved.with_suffix(".away").rename(moved)


@pytest.mark.parametrize("content", [b"text", None])
def test_a_query_that_is_no_photograph_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "query.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=r"--photo=.*query\.jpg"):
        read_photograph(path)


def test_reordered_results_keep_their_similarities(tiny: Tiny) -> None:
    engine = Engine(tiny.index)
    image = read_photograph(tiny.photos / "landmark 2" / "1.jpg")
    plain = {one.photograph.id: one for one in engine.search(image, 24)}
    ranking = RankingSettings(augment=2, expand=2, refine=8, reciprocal=4, diffuse=4)
    answer = engine.ask(image, 24, ranking=ranking)
    assert [one.rank for one in answer.results] == list(range(1, 25))
    assert sorted(one.photograph.id for one in answer.results) == sorted(plain)
    assert [one.photograph.id for one in answer.results] != list(plain)
    for one in answer.results:
        known = plain[one.photograph.id]
        assert one.similarity == pytest.approx(known.similarity, abs=1e-6)
        assert one.probability == known.probability
    assert answer.recognition == engine.ask(image, 24).recognition


def test_a_photograph_of_the_collection_does_not_reorder_others(tiny: Tiny) -> None:
    engine = Engine(tiny.index)
    image = read_photograph(tiny.photos / "landmark 2" / "1.jpg")
    own = engine.search(image, 1)[0].photograph.id
    ranking = RankingSettings(diffuse=3)
    results = engine.ask(image, 24, without=own, ranking=ranking).results
    assert len(results) == 23
    assert own not in [one.photograph.id for one in results]


def test_an_index_fused_with_itself_answers_as_it_does_alone(tiny: Tiny) -> None:
    image = read_photograph(tiny.photos / "landmark 4" / "0.jpg")
    alone, both = (
        Engine(tiny.index).ask(image, 9, ranking=ranking).results
        for ranking in (
            RankingSettings(expand=2),
            RankingSettings(expand=2, fuse=(str(tiny.index),)),
        )
    )
    assert alone == both
