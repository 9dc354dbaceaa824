"""Visual words over SIFT, from photographs to scores, for every aggregation."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from models.words.bags import Bags
from pipeline import model_folder
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.descriptors import open_descriptor
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.embeddings import files
from pipeline.embeddings.bag_files import BAGS
from pipeline.embeddings.destination import require_own_folder
from pipeline.engine import Engine
from pipeline.evaluate import Settings as EvaluateSettings
from pipeline.evaluate import evaluate
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.extract import Settings as ExtractSettings
from pipeline.extract import extract
from pipeline.learn_words import Settings, learn
from pipeline.manifest import read_json, remove, write_json
from pipeline.update_index import Settings as UpdateSettings
from pipeline.update_index import update_index
from pipeline.words import vocabulary
from tests.delf_sources import write_hub

LANDMARKS, EACH = 5, 4
SIDE = 120
AGGREGATIONS: dict[str, dict[str, Any]] = {
    "tfidf": {"words": 60, "nearest": 2},
    "asmk": {"words": 60, "nearest": 1},
    "vlad": {"words": 8, "dimension": 16},
}


def facade(landmark: int) -> np.ndarray:
    """Rectangles of all sizes, which have corners."""
    generator = np.random.default_rng(landmark)
    image = np.full((SIDE + 20, SIDE + 20, 3), 128, np.uint8)
    for _ in range(60):
        y, x = generator.integers(0, SIDE, 2)
        height, width = generator.integers(4, 30, 2)
        image[y : y + height, x : x + width] = generator.integers(0, 255, 3)
    return image


def photograph(landmark: int, number: int) -> np.ndarray:
    """The facade from a place of its own, with noise."""
    generator = np.random.default_rng((landmark, number))
    y, x = generator.integers(0, 20, 2)
    part = facade(landmark)[y : y + SIDE, x : x + SIDE].astype(int)
    return np.clip(part + generator.integers(-8, 9, part.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some landmarks, a blank wall, and one of 20 pixels."""
    folder = tmp_path_factory.mktemp("photographs") / "city"
    images = {
        f"landmark {landmark}/{number}": photograph(landmark, number)
        for landmark in range(LANDMARKS)
        for number in range(EACH)
    }
    images["walls/blank"] = np.full((60, 80, 3), 90, np.uint8)
    images["walls/tiny"] = photograph(0, 0)[:20, :20]
    for name, image in images.items():
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(image).numpy())
    return folder


@pytest.fixture(scope="module")
def sift(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tmp_path_factory.mktemp("exported") / "sift"
    export(ExportSettings(model=model, classical="sift"))
    extract(ExtractSettings(model=model, photos=str(photos), most=150))
    return model


def settings(sift: Path, aggregation: str, **changes: Any) -> Settings:
    model = changes.pop("model", sift.with_name(aggregation))
    return Settings(
        extractor=sift,
        data=("city",),
        model=model,
        aggregation=aggregation,  # type: ignore[arg-type]
        **{**AGGREGATIONS[aggregation], **changes},
    )


@pytest.fixture(scope="module", params=AGGREGATIONS)
def model(sift: Path, request: pytest.FixtureRequest) -> Path:
    return learn(settings(sift, request.param))


def test_photographs_are_embedded_indexed_searched_and_scored(model: Path, photos: Path) -> None:
    folder = Path(embed(EmbedSettings(model=model, photos=str(photos), batch_size=7)))
    stored = files.open_embeddings([folder])
    is_dense = model.name == "vlad"
    assert stored.is_sparse != is_dense
    assert stored.dimension == (16 if is_dense else 60)
    index = build_index(IndexSettings(model=model, data=("city",)))
    assert index.name == ("city-flat" if is_dense else "city-inverted")
    engine = Engine(index)
    for landmark in range(LANDMARKS):
        found = engine.search(photograph(landmark, 99), 4)
        right = [one.photograph.landmark == f"landmark {landmark}" for one in found]
        assert right[0]
        assert sum(right) >= 3
        assert all(0 < one.similarity <= 1.001 for one in found)
    scored = read_json(evaluate(EvaluateSettings(index=index)), "")
    assert scored["queries_trained_on"] == scored["queries"] == LANDMARKS * EACH + 2
    assert scored["scores"]["recall@1"] > 0.85
    assert "The words were learned from" in (model / "README.md").read_text()


def test_the_same_words_whatever_the_way_in(model: Path) -> None:
    descriptor = open_descriptor(model)
    image = photograph(3, 50)
    encoded = tf.io.encode_png(image).numpy()
    prepared = descriptor.prepare(tf.constant(encoded))[None]
    ways = (
        descriptor.describe_images(image[None]),
        descriptor.describe_files([encoded]),
        descriptor.describe_prepared(prepared),
    )
    first, *others = [way.dense() if isinstance(way, Bags) else way for way in ways]
    np.testing.assert_allclose(np.linalg.norm(first), 1, atol=1e-5)
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-6)


@pytest.mark.parametrize(
    "image",
    [
        np.full((50, 60, 3), 77, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.full((5000, 6000, 3), 200, np.uint8),
    ],
    ids=["blank", "a pixel", "30 megapixels"],
)
def test_what_shows_nothing_finds_nothing_or_is_like_nothing(
    model: Path, image: np.ndarray
) -> None:
    described = open_descriptor(model).describe_images(image[None])
    if isinstance(described, Bags):
        assert described.counts.tolist() == [0]
        engine = Engine(model / "indexes" / "city-inverted")
        answer = engine.ask(image, 5)
        assert answer.results == []
        assert answer.recognition is None or not answer.recognition.is_confident
    else:
        (other,) = np.asarray(open_descriptor(model).describe_images(photograph(1, 1)[None]))
        similar = described @ other
        assert np.linalg.norm(described) == pytest.approx(1, abs=1e-5)
        assert abs(similar.item()) < 0.75


def test_the_folder_holds_all_it_needs(model: Path, tmp_path: Path) -> None:
    """Without the extractor, somewhere else; damage is told."""
    copy = Path(shutil.copytree(model, tmp_path / "copy"))
    image = photograph(1, 7)[None]
    one, other = (open_descriptor(path).describe_images(image) for path in (model, copy))
    first, second = [way.dense() if isinstance(way, Bags) else way for way in (one, other)]
    np.testing.assert_array_equal(first, second)
    contents = model_folder.learned_contents(copy)
    assert len(contents) == LANDMARKS * EACH + 2
    assert not model_folder.is_imported(copy)
    np.save(copy / "parts" / "rarity.npy", np.zeros(3))
    with pytest.raises(ValueError, match="copy/parts has the fingerprint"):
        open_descriptor(copy)


def test_a_finished_model_is_kept_and_another_refused(sift: Path, model: Path) -> None:
    before = (model / "model.json").read_bytes()
    learn(settings(sift, model.name))
    assert (model / "model.json").read_bytes() == before
    with pytest.raises(ValueError, match=r"made with other settings .*rounds was 10, now 3"):
        learn(settings(sift, model.name, rounds=3))
    with pytest.raises(ValueError, match="is the folder of another model"):
        learn(settings(sift, model.name, model=sift))


def test_a_damaged_model_tells_what_makes_it_and_that_does(sift: Path, tmp_path: Path) -> None:
    model = tmp_path / "words"
    learn(settings(sift, "asmk", model=model))
    whole = model_folder.fingerprint(model)
    command = rf"python -m pipeline.learn_words .* --model={model} --overwrite`"

    for name, content in (
        *(("parts", None), ("parts/rarity.npy", None), ("parts/settings.json", "{")),
        *(("model.json", None), ("model.json", "{")),
    ):
        remove(model / name)
        if content is not None:
            (model / name).write_text(content)
        with pytest.raises((ValueError, FileNotFoundError), match=command):
            open_descriptor(model)
        learn(settings(sift, "asmk", model=model, overwrite=True))
        assert model_folder.require_own_files(model, model_folder.read_model_file(model)) == whole
    shutil.rmtree(model / "parts")
    learn(settings(sift, "asmk", model=model))
    assert model_folder.fingerprint(model) == whole


@pytest.mark.parametrize("full_at", ["rarity.npy", "photograph_contents.npy"])
def test_a_full_disk_leaves_the_finished_model(
    sift: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    model = learn(settings(sift, "asmk", model=tmp_path / "words"))
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    save = np.save

    def save_or_fail(file: Any, array: np.ndarray) -> None:
        if full_at in str(getattr(file, "name", file)):
            raise OSError(28, "No space left on device")
        save(file, array)

    monkeypatch.setattr(np, "save", save_or_fail)
    with pytest.raises(OSError, match="No space left"):
        learn(settings(sift, "asmk", model=model, rounds=2, overwrite=True))
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before


def test_photographs_are_added_and_removed(sift: Path, tmp_path: Path) -> None:
    model = learn(settings(sift, "asmk", model=tmp_path / "asmk"))
    for landmark in range(2):
        path = tmp_path / f"part {landmark}" / f"{landmark}.png"
        path.parent.mkdir()
        path.write_bytes(tf.io.encode_png(photograph(landmark, 30)).numpy())
        embed(EmbedSettings(model=model, photos=str(path.parent)))
    index = build_index(IndexSettings(model=model, data=("part 0",)))
    update_index(UpdateSettings(index=index, add=("part 1",)))
    found = Engine(index).search(photograph(1, 31), 2)
    assert found[0].photograph.title == "1.png"
    update_index(UpdateSettings(index=index, remove=(found[0].photograph.id,)))
    assert [one.photograph.title for one in Engine(index).search(photograph(0, 31), 1)] == ["0.png"]


def test_the_same_features_give_the_same_words(sift: Path, model: Path, tmp_path: Path) -> None:
    again = learn(settings(sift, model.name, model=tmp_path / "again"))
    assert model_folder.fingerprint(again) == model_folder.fingerprint(model)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words": 5000}, "5000 words are learned from 50,000 local features or more; pass"),
        ({"data": ("elsewhere",)}, "pipeline.extract"),
        ({"split": "train"}, "--split=train: no photograph of city is of that split"),
    ],
)
def test_what_cannot_be_learned_is_told(
    sift: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    wrong = {"data": ("city",), **AGGREGATIONS["asmk"], **changes}
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        learn(Settings(extractor=sift, model=tmp_path / "words", aggregation="asmk", **wrong))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words": 513}, "vlad has 65,664 numbers of 513 words.*Pass --words=512 or less"),
        # The blank wall is without.
        ({"dimension": 21}, "21 photographs with local features .* pass --dimension=20 or less"),
        ({"words": None, "dimension": 10_000}, "and 64 words give a projection to 20 numbers"),
    ],
)
def test_vlad_that_cannot_be_is_refused_before_words_are_learned(
    sift: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.setattr(vocabulary, "learn", None)
    with pytest.raises(ValueError, match=message):
        learn(settings(sift, "vlad", model=tmp_path / "words", **changes))


def test_words_are_by_default_as_many_as_suit() -> None:
    given: dict[str, Any] = {"extractor": Path("sift"), "data": ("a",), "model": Path("words")}
    assert Settings(**given).word_count == 20_000
    assert Settings(**given, aggregation="vlad").word_count == 64
    assert Settings(**given, aggregation="vlad", words=16).word_count == 16


def test_features_of_another_extractor_are_told_with_the_command_that_finds_them(
    sift: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(sift, tmp_path / "sift"))
    export(ExportSettings(model=model, classical="sift", upright=False, overwrite=True))
    command = f"`python -m pipeline.extract --model={model} --records=tfrecords/city --most=150 --o"
    with pytest.raises(ValueError, match=command):
        learn(settings(model, "asmk"))


def test_hardly_any_features_teach_no_word(photos: Path, tmp_path: Path) -> None:
    model = tmp_path / "sift"
    export(ExportSettings(model=model, classical="sift"))
    extract(ExtractSettings(model=model, photos=str(photos / "walls" / "blank.png"), name="city"))
    with pytest.raises(ValueError, match="are too few for a word, which is learned from 10;"):
        learn(settings(model, "asmk"))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"words": 0}, {"nearest": 0}, {"nearest": 9, "words": 8}, {"rounds": 0}),
        *({"sigma": 0.0, "aggregation": "tfidf"}, {"sigma": 0.5}, {"burstiness": 1.0}),
        *({"dimension": 8}, {"nearest": 2, "aggregation": "vlad"}, {"data": ()}, {"nearest": 17}),
    ],
)
def test_settings_out_of_range_or_without_effect_are_refused(wrong: dict[str, Any]) -> None:
    given = {"extractor": Path("sift"), "data": ("a",), "model": Path("words"), **wrong}
    with pytest.raises(ValueError, match="--"):
        Settings(**given)


@pytest.mark.parametrize("is_earlier", [False, True])
def test_embeddings_are_not_written_over_local_features(
    sift: Path, photos: Path, tmp_path: Path, is_earlier: bool
) -> None:
    """Nor where the manifest is of an earlier version, which does not name its layout."""
    hog = tmp_path / "hog"
    export(ExportSettings(model=hog, classical="hog"))
    store = Path(shutil.copytree(sift / "local_features" / "city", tmp_path / "city"))
    if is_earlier:
        told = read_json(store / "manifest.json", "")
        del told["layout"]
        write_json(store / "manifest.json", told)
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    for overwrite in (False, True):
        wrong = EmbedSettings(model=hog, photos=str(photos), output=str(store), overwrite=overwrite)
        with pytest.raises(ValueError, match="is no folder of embeddings; name another --output"):
            embed(wrong)
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


def test_bags_and_vectors_are_not_mixed(model: Path, photos: Path, tmp_path: Path) -> None:
    """Embeddings of the other kind are told, whose manifest tells of none stay in use."""
    folder = embed(EmbedSettings(model=model, photos=str(photos), output=str(tmp_path / "e")))
    path = Path(folder) / "manifest.json"
    own, other = (files.VECTORS, BAGS)[:: 1 if model.name == "vlad" else -1]
    require_own_folder(own, folder)
    with pytest.raises(ValueError, match=f"It holds {own.name}, not {other.name}; remove it"):
        require_own_folder(other, folder)
    told = read_json(path, "")
    del told["layout"]
    write_json(path, told)
    require_own_folder(own, folder)


def test_words_over_a_delf_that_was_imported(photos: Path, tmp_path: Path) -> None:
    """What that has learned from is not known, nor then what the words have."""
    delf = tmp_path / "delf"
    export(ExportSettings(model=delf, delf=str(write_hub(tmp_path / "source"))))
    extract(ExtractSettings(model=delf, photos=str(photos)))
    model = learn(
        Settings(extractor=delf, data=("city",), model=tmp_path / "words", words=3, rounds=2)
    )
    assert model_folder.is_imported(model)
    described = open_descriptor(model).describe_images(photograph(0, 0)[None])
    assert isinstance(described, Bags)
    assert described.shape == (1, 3)
    assert described.code_bytes == 1  # of two dimensions
