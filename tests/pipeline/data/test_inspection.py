import hashlib
import io
import os
import time
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipeline.data import inspection
from pipeline.data.inspection import inspect_photographs
from pipeline.data.records import Photograph
from pipeline.data.sources.source import Skipped, SourcePhotograph, content_id


def encoded(kind: str = "JPEG", *, size: tuple[int, int] = (6, 4), orientation: int = 1) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, kind, **({"exif": exif} if kind == "JPEG" else {}))
    return buffer.getvalue()


def found(name: str, content: bytes) -> SourcePhotograph:
    return SourcePhotograph(name=name, encoded=content, landmark="Sé", label=1, title=name)


def inspect(*photographs: SourcePhotograph | Skipped) -> list[Photograph | Skipped]:
    return list(inspect_photographs(photographs))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_photograph_keeps_its_own_bytes(kind: str) -> None:
    source = found("Sé/a", encoded(kind))
    assert inspect(source) == [
        Photograph(
            id=content_id(source.encoded),
            sha256=hashlib.sha256(source.encoded).hexdigest(),
            encoded=source.encoded,
            format=kind,
            height=4,
            width=6,
            landmark="Sé",
            label=1,
            title="Sé/a",
        )
    ]


@pytest.mark.parametrize(("orientation", "upright"), [(1, (4, 6)), (3, (4, 6)), (6, (6, 4))])
def test_sizes_are_those_after_exif_orientation(orientation: int, upright: tuple[int, int]) -> None:
    (photograph,) = inspect(found("a.jpg", encoded(orientation=orientation)))
    assert isinstance(photograph, Photograph)
    assert (photograph.height, photograph.width) == upright


def test_transcoded_photograph_is_known_by_the_bytes_that_were_found() -> None:
    source = found("a.tiff", encoded("TIFF"))
    (photograph,) = inspect(source)
    assert isinstance(photograph, Photograph)
    assert photograph.provenance.startswith("transcoded from TIFF by Pillow ")
    assert photograph.encoded.startswith(b"\xff\xd8")
    assert (photograph.format, photograph.height, photograph.width) == ("JPEG", 4, 6)
    assert photograph.sha256 == hashlib.sha256(source.encoded).hexdigest()
    assert photograph.id == content_id(source.encoded)


def test_what_the_source_knows_is_kept() -> None:
    known = {"author": "A. B.", "license": "CC-BY", "url": "https://example.org", "title": "Sé"}
    source = SourcePhotograph(
        name="a", encoded=encoded(), id="000a", landmark="Sé", label=7, **known
    )
    (photograph,) = inspect(source)
    assert isinstance(photograph, Photograph)
    assert {key: getattr(photograph, key) for key in known} == known
    assert (photograph.id, photograph.landmark, photograph.label) == ("000a", "Sé", 7)


def test_what_the_source_left_out_is_passed_on_in_its_place() -> None:
    gone = Skipped(name="gone.jpg", reason="cannot be read")
    assert inspect(gone, found("a.jpg", encoded()), gone)[::2] == [gone, gone]


def test_what_is_no_photograph_is_named_while_the_rest_go_on_in_order() -> None:
    whole = encoded(size=(60, 40))
    results = inspect(
        found("1.jpg", encoded()),
        found("2.jpg", b"A text named like a photograph."),
        found("3.jpg", whole[: len(whole) // 2]),
        found("4.png", encoded("PNG")[:40]),
        found("5.jpg", b""),
        found("6.jpg", whole),
    )
    reasons = {item.name: item.reason for item in results if isinstance(item, Skipped)}
    names = [item.name if isinstance(item, Skipped) else item.title for item in results]
    assert names == [f"{n}.jpg" for n in (1, 2, 3)] + ["4.png", "5.jpg", "6.jpg"]
    assert list(reasons) == ["2.jpg", "3.jpg", "4.png", "5.jpg"]
    assert reasons["2.jpg"] == reasons["5.jpg"]
    assert reasons["2.jpg"].startswith("not a JPEG, PNG, ")
    assert reasons["3.jpg"].startswith("damaged JPEG: ")
    assert reasons["4.png"].startswith("damaged PNG: ")
    assert all(0 < len(reason) < 200 for reason in reasons.values())
    assert not any(noise in reason for reason in reasons.values() for noise in ("\n", "{{"))


def test_order_is_kept_where_later_photographs_are_quicker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = inspection._upright_size()

    def slow_first(content: tf.Tensor) -> tf.Tensor:
        time.sleep(0.05 if content.numpy().startswith(b"\xff\xd8") else 0)
        return size(content)

    monkeypatch.setattr(inspection, "_upright_size", lambda: slow_first)
    results = inspect(found("slow", encoded()), *(found(str(n), encoded("PNG")) for n in range(30)))
    titles = [item.title for item in results if isinstance(item, Photograph)]
    assert titles == ["slow", *map(str, range(30))]


def test_photographs_are_read_no_further_than_a_few_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection does not fit into memory."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    read = 0

    def source() -> Iterator[SourcePhotograph]:
        nonlocal read
        for number in range(100):
            read += 1
            yield found(str(number), b"")

    results = inspect_photographs(source())
    next(results)
    assert read <= 10
    assert len(list(results)) == 99
