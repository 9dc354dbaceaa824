import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from demo.making.photographs import Baskets, PhotographFolder, safe_name
from demo.refusals import NotFound, Refused
from tests.tiny import write_photographs


def photograph(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    encoded: bytes = tf.io.encode_jpeg(pixels).numpy()
    return encoded


def inside(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in PhotographFolder(folder).files()]


def test_what_is_sent_twice_is_stored_once_and_another_of_its_name_beside_it(
    tmp_path: Path,
) -> None:
    own = PhotographFolder(tmp_path / "own")
    for seed in (1, 1, 2, 2):
        own.put(photograph(seed), "IMG 1.JPG", "Old town")
    own.put(photograph(3), "IMG 1.JPG")
    assert inside(tmp_path / "own") == ["IMG 1.jpg", "Old town/IMG 1-2.jpg", "Old town/IMG 1.jpg"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..", ""),
        ("", ""),
        (".hidden", "hidden"),
        ("C:\\pictures\\a.jpg", "a.jpg"),
        ("a\0b\nc<d>.jpg", "a_b_c_d_.jpg"),
        ("Café de l'été.jpg", "Café de l'été.jpg"),
        ("x" * 300, "x" * 80),
    ],
)
def test_names_cannot_leave_their_folder(sent: str, kept: str, tmp_path: Path) -> None:
    assert safe_name(sent) == kept
    path = PhotographFolder(tmp_path / "own").put(photograph(1), sent, sent)
    assert path.resolve().is_relative_to(tmp_path / "own")
    assert len(inside(tmp_path / "own")) == 1


def test_what_is_no_photograph_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a JPEG"):
        PhotographFolder(tmp_path / "own").put(b"text", "a.jpg")
    assert inside(tmp_path / "own") == []


def test_a_folder_is_linked_and_what_was_removed_is_not_linked_again(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", landmarks=2, photographs=2)
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(photograph(1))
    (tmp_path / "photos" / "out.jpg").symlink_to(outside)
    (tmp_path / "photos" / "landmark 0" / "in.jpg").symlink_to(
        tmp_path / "photos" / "landmark 1" / "1.jpg"
    )
    own = PhotographFolder(tmp_path / "own")
    assert own.link(tmp_path / "photos", tmp_path / "photos") == 5
    expected = [f"landmark {landmark}/{number}.jpg" for landmark in (0, 1) for number in (0, 1)]
    assert set(inside(own.folder)) == {*expected, "landmark 0/in.jpg"}, "not the one outside"
    assert own.link(tmp_path / "photos", tmp_path / "photos") == 0
    own.remove([own.folder / "landmark 0" / "1.jpg", tmp_path / "photos" / "landmark 1" / "0.jpg"])
    assert "landmark 0/1.jpg" not in inside(own.folder)
    assert (tmp_path / "photos" / "landmark 0" / "1.jpg").is_file(), "it stays where it is"
    assert (tmp_path / "photos" / "landmark 1" / "0.jpg").is_file(), "it is none of this folder"
    (tmp_path / "photos" / "new.jpg").write_bytes(photograph(2))
    assert own.link(tmp_path / "photos", tmp_path / "photos") == 1
    assert own.told()["source"] == str(tmp_path / "photos")


def test_a_basket_is_taken_over_whole(tmp_path: Path) -> None:
    baskets = Baskets(tmp_path / "arriving", most=3)
    token = baskets.open()
    assert baskets.put(token, photograph(1), "a.jpg", "Tower") == 1
    assert baskets.put(token, photograph(2), "b.jpg", "") == 2
    own = PhotographFolder(tmp_path / "own")
    own.put(photograph(3), "a.jpg", "Tower")
    assert own.take(baskets.of(token)) == 2
    assert inside(own.folder) == ["Tower/a-2.jpg", "Tower/a.jpg", "b.jpg"]
    assert token not in baskets
    with pytest.raises(NotFound, match="Choose the photographs again"):
        baskets.of(token)


def test_a_basket_has_its_limit_and_its_day(tmp_path: Path) -> None:
    baskets = Baskets(tmp_path / "arriving", most=1)
    token = baskets.open()
    baskets.put(token, photograph(1), "a.jpg", "")
    with pytest.raises(Refused, match="At most 1 photographs"):
        baskets.put(token, photograph(2), "b.jpg", "")
    os.utime(tmp_path / "arriving" / token, (0, 0))
    baskets.open()
    assert token not in baskets


@pytest.mark.parametrize("token", ["", "..", "../photographs/mine", "a" * 24, "/etc", "a/" * 12])
def test_tokens_that_were_not_given_open_nothing(token: str, tmp_path: Path) -> None:
    (tmp_path / "photographs" / "mine").mkdir(parents=True)
    baskets = Baskets(tmp_path / "arriving", most=1)
    assert token not in baskets
    with pytest.raises(NotFound):
        baskets.put(token, photograph(1), "a.jpg", "")


def test_baskets_are_limited_in_number_in_bytes_and_by_what_the_disk_has_left(
    tmp_path: Path,
) -> None:
    sent = photograph(1)
    few = Baskets(tmp_path / "few", most=9, baskets=1, bytes=len(sent))
    token = few.open()
    with pytest.raises(Refused, match="no room"):
        few.open()
    few.put(token, sent, "a.jpg", "")
    with pytest.raises(Refused, match="no room"):
        few.put(token, photograph(2), "b.jpg", "")
    few.remove(token)
    few.put(few.open(), sent, "a.jpg", "")
    low = Baskets(tmp_path / "low", most=9, free=10**18)
    with pytest.raises(Refused, match="no room"):
        low.put(low.open(), sent, "a.jpg", "")
