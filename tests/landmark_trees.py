"""A small Google Landmarks v2 download, or Kaggle's, in the layout that people have."""

import csv
import dataclasses
import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

COMMONS = "http://commons.wikimedia.org/wiki/Category:"
# By split, landmark and number of photographs; the index has landmark ids of its own, of which 7
# is one of train's too. The test photographs' landmarks are told by nobody.
LANDMARKS = {
    "train": {7: 4, 12: 3, 203093: 3, 40: 1},
    "index": {7: 3, 3: 2},
    "test": {-1: 3},
}
CATEGORIES = {
    "train": {7: "Sé_do_Porto", 12: "Happy_Valley_%28Hong_Kong%29", 203093: "Castle", 40: "Castle"},
    "index": {7: "Pont_du_Gard", 3: "Arènes_d%27Arles"},
}
AWKWARD = ('Zoë "Z" Ångström, Paris', "Two\nlines, 長崎", "")  # authors of the first photographs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Member:
    """A photograph of the tree."""

    id: str
    landmark: int
    encoded: bytes

    @property
    def path(self) -> str:
        """Where it lies below its split or in its tar."""
        return "/".join((*self.id[:3], f"{self.id}.jpg"))


def landmark_members(split: str) -> list[Member]:
    """The photographs of a split in the order of their ids.

    The first two of the index have the ids of train's first two, and show something else.
    """
    members: list[Member] = []
    for landmark, count in LANDMARKS[split].items():
        for _ in range(count):
            position = len(members)
            named = "train" if split == "index" and position < 2 else split
            photograph_id = hashlib.md5(f"{named} {position}".encode()).hexdigest()[:16]
            colours = np.random.default_rng((ord(split[1]), landmark + 1)).integers(
                30, 226, (2, 2, 3)
            )
            noise = np.random.default_rng((position, ord(split[0]))).integers(-25, 26, (40, 48, 3))
            pixels = (np.kron(colours, np.ones((20, 24, 1), int)) + noise).astype(np.uint8)
            encoded = tf.io.encode_jpeg(pixels, quality=95).numpy()
            members.append(Member(id=photograph_id, landmark=landmark, encoded=encoded))
    return sorted(members, key=lambda member: member.id)


def write_landmark_tree(
    folder: Path, *, splits: Iterable[str] = LANDMARKS, tars: int = 0, tables: str = "."
) -> dict[str, list[Member]]:
    """Writes a tree of Google Landmarks v2.

    Args:
        folder: Where to.
        splits: The splits to write.
        tars: How many tars a split is packed into, with an md5 file each; 0 leaves it unpacked.
        tables: The folder of the tables, as "metadata".

    Returns:
        The photographs of every split, in the order of their ids.
    """
    members = {split: landmark_members(split) for split in splits}
    for split, of_split in members.items():
        if tars:
            for number in range(tars):
                write_tar(folder / split / f"images_{number:03d}.tar", of_split[number::tars])
                write_md5(folder, split, number)
        else:
            write_unpacked(folder / split, of_split)
    _write_tables(folder / tables, members)
    return members


def write_kaggle_tree(folder: Path) -> dict[str, list[Member]]:
    """Writes a tree of Kaggle's sets of 2020 and 2021: train.csv without addresses, no others."""
    members = {split: landmark_members(split) for split in LANDMARKS}
    for split, of_split in members.items():
        write_unpacked(folder / split, of_split)
    rows = [(member.id, member.landmark) for member in members["train"]]
    write_table(folder / "train.csv", ("id", "landmark_id"), rows)
    return members


def write_unpacked(folder: Path, members: Iterable[Member]) -> None:
    """Writes photographs as files."""
    for member in members:
        (folder / member.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / member.path).write_bytes(member.encoded)


def write_tar(path: Path, members: Iterable[Member], prefix: str = "") -> None:
    """Packs photographs, under ``prefix``, beside the folders that tar writes, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for member in members:
            directory = tarfile.TarInfo(f"{prefix}{member.path.rpartition('/')[0]}")
            directory.type = tarfile.DIRTYPE
            archive.addfile(directory)
            file = tarfile.TarInfo(f"{prefix}{member.path}")
            file.size = len(member.encoded)
            archive.addfile(file, io.BytesIO(member.encoded))


def write_md5(folder: Path, split: str, number: int, md5: str | None = None) -> Path:
    """Writes the md5 file of a tar; ``md5`` stands for the true one."""
    tar = folder / split / f"images_{number:03d}.tar"
    path = folder / "md5sum" / split / f"md5.{tar.stem}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{md5 or hashlib.md5(tar.read_bytes()).hexdigest()}  {tar.name}\n")
    return path


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table, quoted where need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def _write_tables(folder: Path, members: Mapping[str, Sequence[Member]]) -> None:
    for split, of_split in members.items():
        labels = [(member.id, member.landmark) for member in of_split]
        if split == "train":
            _write_train_tables(folder, of_split)
        else:
            write_table(folder / f"{split}.csv", ("id",), [[row[0]] for row in labels])
        if split == "index":
            write_table(folder / "index_image_to_landmark.csv", ("id", "landmark_id"), labels)
        if split in CATEGORIES:
            _write_categories(folder, split)


def _write_train_tables(folder: Path, members: Sequence[Member]) -> None:
    """Lists all photographs, attribution for all but the last, landmarks 7 and 12 as clean."""
    address = {member.id: f"https://upload.example.org/{member.id}.jpg" for member in members}
    rows = [(member.id, address[member.id], member.landmark) for member in members]
    write_table(folder / "train.csv", ("id", "url", "landmark_id"), rows)
    clean = {
        landmark: " ".join(member.id for member in members if member.landmark == landmark)
        for landmark in (12, 7)
    }
    write_table(folder / "train_clean.csv", ("landmark_id", "images"), clean.items())
    licence = "https://creativecommons.org/licenses/by/2.0"
    write_table(
        folder / "train_attribution.csv",
        ("id", "url", "author", "license", "title"),
        [
            (member.id, address[member.id], author, licence if author else "", author[:3])
            for member, author in zip(members, [*AWKWARD, *["Ann"] * len(members)], strict=False)
        ][:-1],
    )


def _write_categories(folder: Path, split: str) -> None:
    categories = {label: f"{COMMONS}{name}" for label, name in CATEGORIES[split].items()}
    if split == "train":
        path = folder / "train_label_to_category.csv"
        write_table(path, ("landmark_id", "category"), categories.items())
    write_table(
        folder / f"{split}_label_to_hierarchical.csv",
        (
            *("landmark_id", "category", "supercategory"),
            *("hierarchical_label", "natural_or_human_made"),
        ),
        [(label, text, "church", "church/x", "human-made") for label, text in categories.items()],
    )
