import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from models.local.features import Features
from pipeline.embeddings.pairs import Pairs
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.extract import Settings, extract, main
from pipeline.local_features.extractor import SavedExtractor, open_extractor
from pipeline.local_features.store import FEATURES, LocalFeatureStore, store_folder
from tests.delf_sources import write_hub
from tests.tiny import Tiny, change_model, write_photographs


@pytest.fixture(scope="module")
def delf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("delf")
    return export(ExportSettings(model=root / "delf", delf=str(write_hub(root / "source"))))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos") / "holiday"
    write_photographs(folder, landmarks=3, photographs=3)
    return folder


@pytest.fixture
def model(delf: Path, tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("local_features")
    return Path(shutil.copytree(delf, tmp_path / "delf", ignore=ignored))


def read_image(path: Path) -> np.ndarray:
    return tf.io.decode_jpeg(path.read_bytes(), dct_method="INTEGER_ACCURATE").numpy()


def require_alike(found: Features, expected: Features) -> None:
    """But for what a store rounds."""
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.locations, expected.locations, atol=0.03)
    np.testing.assert_allclose(found.sizes, expected.sizes, rtol=1e-3)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5)
    np.testing.assert_allclose(found.descriptors, expected.descriptors, atol=0.005)


def test_every_photographs_features_are_those_that_the_extractor_finds(
    delf: Path, photos: Path
) -> None:
    store = LocalFeatureStore([extract(Settings(model=delf, photos=str(photos), batch_size=2))])
    extractor = open_extractor(delf)
    assert (store.fingerprint, store.dimension) == (extractor.fingerprint, 2)
    assert len(store) == 9
    in_blocks = [one for block in store.blocks(4) for one in block]
    for row in (7, 0, 4):
        title = store.metadata["title"][row].as_py()
        expected = extractor.extract(read_image(photos / title))
        assert len(expected) > 30
        (found,) = store.features_of([store.metadata["id"][row].as_py()])
        require_alike(found, expected)
        require_alike(in_blocks[row], expected)


def test_a_large_photograph_is_reduced_and_its_features_lie_where_it_is(
    model: Path, tmp_path: Path
) -> None:
    """1,640 x 1,200 is looked at as 1,024 x 749."""
    coarse = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    coarse[-1, -1] = 255  # the best features are of what is most red
    image = np.kron(coarse, np.ones((400, 410, 1), np.uint8))
    (tmp_path / "large").mkdir()
    tf.io.write_file(str(tmp_path / "large" / "a.png"), tf.io.encode_png(image))
    store = LocalFeatureStore([extract(Settings(model=model, photos=str(tmp_path / "large")))])
    (found,) = store.features_at(np.array([0]))
    assert store.metadata.select(["height", "width"]).to_pylist() == [
        {"height": 1200, "width": 1640}
    ]
    assert found.locations.max() > 1500
    require_alike(found, open_extractor(model).extract(image))


def test_data_sets_are_opened_together_and_photographs_found_by_content(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    """What two data sets have is there once, as in an index."""
    more = Path(shutil.copytree(photos, tmp_path / "more"))
    write_photographs(more, landmarks=1, photographs=1, seed=5)
    folders = [extract(Settings(model=model, photos=str(folder))) for folder in (photos, more)]
    store = LocalFeatureStore(folders)
    assert len(store) == 10
    assert store.metadata["data"].to_pylist() == ["holiday"] * 9 + ["more"]
    contents = store.metadata["content"].to_pylist()
    rows = store.rows_of_contents([contents[9], "0" * 16, contents[2]])
    assert rows.tolist() == [9, -1, 2]
    image = read_image(more / "landmark 0" / "0.jpg")
    require_alike(store.features_at(rows[:1])[0], open_extractor(model).extract(image))
    with pytest.raises(ValueError, match=r"1 photographs have no local features here, 'nobody'"):
        store.features_of(["nobody"])


def test_a_photograph_without_features_has_a_row_and_none(model: Path, tmp_path: Path) -> None:
    """Of 9 pixels: a DELF finds nothing below 10. Also where a whole shard is of such."""
    (tmp_path / "small").mkdir()
    for number in range(2):
        pixels = tf.fill((9, 9, 3), tf.cast(number, tf.uint8))
        tf.io.write_file(str(tmp_path / "small" / f"{number}.png"), tf.io.encode_png(pixels))
    store = LocalFeatureStore([extract(Settings(model=model, photos=str(tmp_path / "small")))])
    assert [len(one) for one in store.features_at(np.arange(2))] == [0, 0]
    assert store.features_at(np.zeros(1, int))[0].descriptors.shape == (0, 2)


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(
    model: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(model=model, records=tiny.records)
    write_pair = Pairs.write_pair
    written: list[int] = []

    def interrupted(self: Pairs, folder: str, number: int, *rest: object) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(number)
        write_pair(self, folder, number, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as killed:
        killed.setattr(Pairs, "write_pair", interrupted)
        with pytest.raises(KeyboardInterrupt):
            extract(settings)
    folder = Path(settings.folder)
    with pytest.raises(FileNotFoundError, match=r"manifest.json is missing; make it with"):
        LocalFeatureStore([folder])
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*_[0-9].*")}
    assert len(before) == 4
    extract(settings)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    resumed = {path: path.read_bytes() for path in folder.rglob("*.*")}
    extract(Settings(model=model, records=tiny.records, overwrite=True))
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == resumed
    monkeypatch.setattr(SavedExtractor, "extract", lambda *_: pytest.fail("it was finished"))
    extract(settings)


def test_a_damaged_photograph_is_left_out_and_listed(
    model: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "damaged"))
    path = folder / "landmark 1" / "1.jpg"
    path.write_bytes(path.read_bytes()[:200])
    main(Settings(model=model, photos=str(folder)))
    assert capsys.readouterr().out.endswith(
        "local features of 8 photographs, 1 photographs skipped\n"
    )
    described = FEATURES.read_manifest(model / "local_features" / "damaged")
    assert [one["photograph"] for one in described["shards"][0]["skipped"]] == ["landmark 1/1.jpg"]
    assert len(LocalFeatureStore([store_folder(model, "damaged")])) == 8


def test_other_models_or_numbers_of_features_do_not_go_on_with_a_store(
    model: Path, photos: Path
) -> None:
    settings = Settings(model=model, photos=str(photos))
    extract(settings)
    told = r"by the model \w{12}, or with another --most, .* --name to keep both, or --overwrite"
    with pytest.raises(ValueError, match=told):
        extract(Settings(model=model, photos=str(photos), most=3))
    output = extract(Settings(model=model, photos=str(photos), most=3, overwrite=True))
    few = LocalFeatureStore([output])
    assert (few.most, few.metadata["features"].to_pylist()) == (3, [3] * 9)
    change_model(model)
    with pytest.raises(ValueError, match=told):
        extract(settings)


def test_stores_of_two_extractors_are_not_mixed(model: Path, photos: Path) -> None:
    outputs = [
        extract(Settings(model=model, photos=str(photos), name=f"{most}", most=most))
        for most in (3, 4)
    ]
    with pytest.raises(ValueError, match=r"Local features of one model are needed\. Received: "):
        LocalFeatureStore(outputs)


def test_features_that_were_cut_are_told_and_found_again(model: Path, photos: Path) -> None:
    settings = Settings(model=model, photos=str(photos))
    array = Path(FEATURES.array_path(extract(settings), 0))
    whole = array.read_bytes()
    for left in (0, 100, len(whole) - 1):
        array.write_bytes(whole[:left])
        with pytest.raises(ValueError, match=r"and its local features are not those .* make them"):
            LocalFeatureStore([settings.folder])
    extract(settings)
    assert array.read_bytes() == whole


def test_a_model_without_local_features_is_refused(tiny: Tiny, photos: Path) -> None:
    with pytest.raises(ValueError, match="has no local features, only a global descriptor"):
        extract(Settings(model=tiny.model, photos=str(photos)))


def test_a_store_is_not_written_into_something_else(model: Path, photos: Path) -> None:
    folder = model / "local_features" / "holiday"
    folder.mkdir(parents=True)
    (folder / "letter.txt").write_text("Dear Ana")
    with pytest.raises(ValueError, match=r"is no folder of local features; name another --name"):
        extract(Settings(model=model, photos=str(photos)))
    with pytest.raises(ValueError, match=r"--most is at least 1\. Received: 0"):
        Settings(model=model, photos=str(photos), most=0)
