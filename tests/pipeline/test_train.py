import dataclasses
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.siamese import load_network
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.check_records import Settings as CheckSettings
from pipeline.check_records import check_records
from pipeline.data.records import list_shards, split_names
from pipeline.data.shards import scan_records
from pipeline.train import Settings, train
from pipeline.training.checkpoints import claimed
from tests.tiny import Tiny, tiny_training, write_photographs


def _weights(output: Path) -> list[np.ndarray]:
    return load_network(output / "network.keras").get_weights()


def test_a_run_leaves_network_curve_events_and_a_score_an_epoch(tiny: Tiny) -> None:
    training = tiny.model / "training"
    assert (training / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert list((training / "tensorboard").glob("events*"))
    epochs = json.loads((training / "training.json").read_text())["epochs"]
    assert [row["epoch"] for row in epochs] == [0, 1]
    assert epochs[0]["loss"] is None
    assert epochs[1]["loss"] > 0
    # One held-out landmark alone has only relevant photographs to find.
    assert [row["held-out mAP"] for row in epochs] == [1.0, 1.0]


@pytest.mark.parametrize("loss", ["triplet", "contrastive"])
def test_both_losses_learn_from_labelled_records(tiny: Tiny, tmp_path: Path, loss: str) -> None:
    settings = tiny_training(tmp_path, tiny.records, loss=loss, epochs=4, margin=0.5)
    output = train(settings)
    losses = [
        row["loss"] for row in json.loads((output / "training.json").read_text())["epochs"][1:]
    ]
    assert np.mean(losses[-2:]) < np.mean(losses[:2])


def test_triplets_are_learned_from_as_they_are(triplet_files: list[Path], tmp_path: Path) -> None:
    pattern = str(triplet_files[0].parent / "train*.tfrec")
    settings = tiny_training(
        tmp_path,
        None,
        triplets=pattern,
        epochs=1,
        landmarks_per_batch=2,
        photographs_per_landmark=4,
    )
    described = json.loads((train(settings) / "training.json").read_text())
    assert described["data"]["records"] == 5
    assert described["epochs"][1]["held-out mAP"] is None
    assert described["best_epoch"] == 1, "nothing is held out, so the last epoch is kept"


def test_a_finished_run_is_left_alone_and_other_settings_are_refused(
    tiny: Tiny, tmp_path: Path
) -> None:
    settings = tiny_training(tmp_path, tiny.records, epochs=0)
    before = _weights(train(settings))
    for old, new in zip(before, _weights(train(settings)), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(ValueError, match=r"seed was 0, now 5"):
        train(tiny_training(tmp_path, tiny.records, epochs=0, seed=5))
    after = _weights(train(tiny_training(tmp_path, tiny.records, epochs=0, seed=5, overwrite=True)))
    assert any(not np.array_equal(old, new) for old, new in zip(before, after, strict=True))


def test_an_interrupted_run_with_other_settings_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    train(tiny_training(tmp_path, tiny.records, epochs=0))
    (tmp_path / "training" / "training.json").unlink()
    with pytest.raises(ValueError, match=r"learning_rate was 0\.001, now 0\.5"):
        train(tiny_training(tmp_path, tiny.records, epochs=0, learning_rate=0.5))


def test_records_that_have_changed_are_not_gone_on_with(
    tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = Path(shutil.copytree(tiny.photos, tmp_path / "photos"))
    of_records = RecordSettings(photos=photos, output=tmp_path / "records", shards=2)
    settings = tiny_training(tmp_path / "model", build_records(of_records), epochs=0)
    output = train(settings)
    (photos / "landmark 0" / "0.jpg").unlink()
    build_records(of_records)
    with caplog.at_level(logging.WARNING, "pipeline"):
        train(settings)
    assert "The records have changed since" in caplog.text
    (output / "training.json").unlink()
    with pytest.raises(ValueError, match=r"have changed since .* was begun; pass --overwrite"):
        train(settings)
    train(dataclasses.replace(settings, overwrite=True))


def test_two_landmarks_are_learned_from_without_a_score(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_photographs(tmp_path / "photos", landmarks=2, photographs=4)
    records = build_records(RecordSettings(photos=tmp_path / "photos", output=tmp_path / "records"))
    with caplog.at_level(logging.WARNING, "pipeline"):
        output = train(tiny_training(tmp_path / "model", records))
    assert "holds no landmark back" in caplog.text
    assert json.loads((output / "training.json").read_text())["best_epoch"] == 1


def test_a_start_that_failed_does_not_stand_in_the_way_of_the_next(
    tiny: Tiny, tmp_path: Path
) -> None:
    write_photographs(tmp_path / "photos", landmarks=4, photographs=1)
    single = build_records(RecordSettings(photos=tmp_path / "photos", output=tmp_path / "records"))
    with pytest.raises(ValueError, match="at least two landmarks need two photographs"):
        train(tiny_training(tmp_path / "model", single))
    train(tiny_training(tmp_path / "model", tiny.records, epochs=0))


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [("photographs_per_landmark", 1, 2), ("landmarks_per_batch", 1, 2), ("checkpoint_steps", 0, 1)],
)
def test_ranges_are_checked(name: str, value: int, least: int) -> None:
    with pytest.raises(ValueError, match=rf"--{name} is at least {least}\. Received: {value}"):
        tiny_training(Path("model"), Path("records"), **{name: value})


def test_pretrained_weights_start_with_a_whitened_projection(tiny: Tiny, tmp_path: Path) -> None:
    start = tiny_training(
        tmp_path / "start", tiny.records, epochs=0, projection="none", dimension=512
    )
    backbone = load_network(train(start) / "network.keras").get_layer("small")
    weights = tmp_path / "small.weights.h5"
    backbone.save_weights(weights)
    for start_of, differs in (("whitened", True), ("random", False)):
        settings = tiny_training(
            tmp_path / start_of,
            tiny.records,
            epochs=0,
            weights=str(weights),
            projection=start_of,
            dimension=8,
        )
        bias = load_network(train(settings) / "network.keras").get_layer("projection").bias
        assert bool(np.any(np.asarray(bias) != 0)) == differs, "whitening subtracts the mean"


@pytest.mark.parametrize(("labelled", "triplets"), [(None, None), (Path("a"), "b")])
def test_records_and_triplets_are_one_or_the_other(
    labelled: Path | None, triplets: str | None
) -> None:
    with pytest.raises(ValueError, match=r"Pass either --records"):
        Settings(output=Path("model"), records=labelled, triplets=triplets)


def test_what_is_missing_is_named(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="matches no file"):
        train(Settings(output=tmp_path, triplets=str(tmp_path / "*.tfrec")))
    with pytest.raises(FileNotFoundError, match=r"holds no records; make them with"):
        train(Settings(output=tmp_path, records=tmp_path))
    shard = next(tiny.records.glob("*train*"))
    shutil.copy(shard, tmp_path / "train00.tfrec")
    with pytest.raises(ValueError, match=r"holds no triplets .*--records=DIR"):
        train(Settings(output=tmp_path, triplets=str(tmp_path / "*.tfrec")))


def test_run_that_stopped_for_damage_goes_on_with_a_higher_limit(
    tiny: Tiny, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny.records, tmp_path / "records"))
    shard = list_shards(folder, "train")[0].path
    content = bytearray(shard.read_bytes())
    content[scan_records(shard).offsets[0] + 60] ^= 1
    shard.write_bytes(content)
    settings = tiny_training(tmp_path / "model", folder)
    with pytest.raises(ValueError, match=r"1 of 20 photographs are damaged.*--max_damaged"):
        train(settings)
    assert (tmp_path / "model" / "training" / "settings.json").is_file(), "it had begun"
    train(dataclasses.replace(settings, max_damaged=0.1))


def test_run_goes_on_when_its_damage_has_been_listed(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny.records, tmp_path / "records"))
    shard = list_shards(folder, "train")[0].path
    shard.write_bytes(shard.read_bytes()[:-30])
    settings = tiny_training(tmp_path / "model", folder, epochs=0, max_damaged=0.1)
    train(settings)
    (tmp_path / "model" / "training" / "training.json").unlink()  # as if it had been killed
    check_records(CheckSettings(records=(str(folder),), skip=("damaged",)))
    train(dataclasses.replace(settings, max_damaged=0.0))


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_network_that_learned_in_16_bits_is_kept_in_float32(
    tiny: Tiny, tmp_path: Path, precision: str
) -> None:
    settings = tiny_training(tmp_path, tiny.records, precision=precision)
    network = load_network(train(settings) / "network.keras")
    assert {layer.compute_dtype for layer in network._flatten_layers()} <= {"float32", "uint8"}
    loss = json.loads((tmp_path / "training" / "training.json").read_text())["epochs"][1]["loss"]
    assert 0 < loss < 10


def test_parts_of_a_batch_need_batch_statistics_that_do_not_change(
    tiny: Tiny, tmp_path: Path
) -> None:
    settings = tiny_training(tmp_path, tiny.records, photographs_at_a_time=2)
    with pytest.raises(ValueError, match=r"--photographs_at_a_time needs --batch_statistics=froz"):
        train(settings)
    frozen = dataclasses.replace(settings, batch_statistics="frozen", output=tmp_path / "frozen")
    assert (train(frozen) / "network.keras").is_file()


def test_two_runs_do_not_share_a_folder(tiny: Tiny, tmp_path: Path) -> None:
    with claimed(tmp_path / "training"), pytest.raises(ValueError, match="Another run is training"):
        train(tiny_training(tmp_path, tiny.records))
    train(tiny_training(tmp_path, tiny.records, epochs=0))


def test_labels_that_are_all_unknown_are_refused(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", landmarks=1, photographs=6)
    flat = tmp_path / "photos" / "landmark 0"
    records = build_records(RecordSettings(photos=flat, output=tmp_path / "records"))
    split = split_names(records)[0]
    with pytest.raises(ValueError, match=r"two landmarks need two .* Received: 0 such landmarks"):
        train(tiny_training(tmp_path / "model", records, split=split))
