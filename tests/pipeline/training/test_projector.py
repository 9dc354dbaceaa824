import csv
import dataclasses
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.plugins import base_plugin, projector  # type: ignore[import-untyped]
from tensorboard.plugins.projector import projector_plugin  # type: ignore[import-untyped]
from werkzeug import Response
from werkzeug.test import Client

from pipeline.training.held_out import HeldOut
from pipeline.training.projector import sprite, write_projector


def held_out(count: int, *, seed: int = 0) -> HeldOut:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(count, 6))
    return HeldOut(
        mean_average_precision=0.5,
        embeddings=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
        labels=np.arange(count) - 1,
        names=np.array(["", "Sacré-Cœur", "a tab\tand a\nline", "Big Ben", "Colosseum"][:count]),
        ids=np.array([f"{number:016x}" for number in range(count)]),
        thumbnails=generator.integers(0, 256, (count, 8, 8, 3), np.uint8),
    )


def read_config(folder: Path) -> projector.ProjectorConfig:
    text = (folder / "projector_config.pbtxt").read_text()
    return text_format.Parse(text, projector.ProjectorConfig())


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_points_are_read_back(tmp_path: Path, count: int) -> None:
    shown = held_out(count)
    write_projector(tmp_path, shown)
    (points,) = read_config(tmp_path).embeddings
    assert list(points.tensor_shape) == [count, 6]
    vectors = np.loadtxt(tmp_path / points.tensor_path, delimiter="\t", ndmin=2)
    np.testing.assert_allclose(vectors, shown.embeddings, rtol=1e-4)
    with (tmp_path / points.metadata_path).open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    assert header == ["landmark", "label", "id"]
    names = ["unknown", "Sacré-Cœur", "a tab and a line", "Big Ben", "Colosseum"]
    assert rows == [[names[n], str(n - 1), f"{n:016x}"] for n in range(count)]
    assert list(points.sprite.single_image_dim) == [8, 8]
    picture = tf.io.decode_png((tmp_path / points.sprite.image_path).read_bytes()).numpy()
    np.testing.assert_array_equal(picture, sprite(shown.thumbnails))


def test_what_is_shown_gives_way_to_what_is_described_later(tmp_path: Path) -> None:
    write_projector(tmp_path, held_out(5))
    later = held_out(4, seed=1)
    write_projector(tmp_path, later)
    (points,) = read_config(tmp_path).embeddings
    vectors = np.loadtxt(tmp_path / points.tensor_path, delimiter="\t")
    np.testing.assert_allclose(vectors, later.embeddings, rtol=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "projector",
        "projector_config.pbtxt",
    ], "nothing temporary is left"


def test_tensorboard_serves_them(tmp_path: Path) -> None:
    """Its own plugin finds all the files; it refuses those outside the run's folder."""
    shown = dataclasses.replace(held_out(5), embeddings=np.full((5, 6), 0.4082, np.float32))
    write_projector(tmp_path, shown)
    plugin = projector_plugin.ProjectorPlugin(
        base_plugin.TBContext(logdir=str(tmp_path), data_provider=None)
    )
    apps = plugin.get_plugin_apps()

    def get(route: str, **query: str) -> bytes:
        client = Client(apps[route], Response)
        answer = client.get("/?" + urllib.parse.urlencode(query))
        assert answer.status_code == 200, answer.data
        return answer.data

    assert get("/runs") == b'["."]'
    of_points = {"run": ".", "name": "held-out photographs"}
    tensor = np.frombuffer(get("/tensor", **of_points), np.float32).reshape(5, 6)
    np.testing.assert_allclose(tensor, shown.embeddings, rtol=1e-4)
    assert get("/metadata", **of_points).decode().splitlines()[4].startswith("Big Ben\t2\t")
    assert get("/sprite_image", **of_points).startswith(b"\x89PNG")


def test_a_sprite_is_square_and_filled_row_by_row() -> None:
    thumbnails = np.arange(1, 6, dtype=np.uint8)[:, None, None, None] * np.ones((2, 2, 3), np.uint8)
    # Five need three columns, and so three rows, of two pixels each.
    expected = np.kron([[1, 2, 3], [4, 5, 0], [0, 0, 0]], np.ones((2, 2)))
    np.testing.assert_array_equal(sprite(thumbnails)[..., 0], expected)
    assert sprite(thumbnails).shape == (6, 6, 3)
