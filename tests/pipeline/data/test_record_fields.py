import pytest
import tensorflow as tf

from pipeline.data import records
from pipeline.data.record_fields import TYPES, parse_fields


def example(**changes: tf.train.Feature | None) -> bytes:
    """A record with the keys that none may lack, with changes: "image/id" is ``image_id``."""
    features = {
        "image/encoded": text(b"bytes"),
        "image/id": text(b"a"),
        "image/class/label": number(3),
        **{key.replace("_", "/"): feature for key, feature in changes.items()},
    }
    present = {key: feature for key, feature in features.items() if feature is not None}
    return tf.train.Example(features=tf.train.Features(feature=present)).SerializeToString()


def text(*values: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def number(*values: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def test_keys_and_types_are_those_that_records_are_written_with() -> None:
    def flat(features: object, prefix: str) -> dict[str, tf.DType]:
        if not hasattr(features, "items"):
            return {prefix: features.np_dtype}  # type: ignore[attr-defined]
        found: dict[str, tf.DType] = {}
        for key, feature in features.items():
            found |= flat(feature, f"{prefix}/{key}" if prefix else key)
        return found

    written = {
        key: "int64_list" if kind == "int64" else "bytes_list"
        for key, kind in flat(records.FEATURES, "").items()
    }
    assert written == TYPES


def test_values_are_read_and_keys_that_may_lack_are_left_out() -> None:
    assert parse_fields(example()) == {
        "image/encoded": b"bytes",
        "image/id": b"a",
        "image/class/label": 3,
    }
    assert parse_fields(example(image_width=number(7)))["image/width"] == 7


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"\xff\xff no record", "it is no tf.train.Example"),
        (b"", "it lacks image/encoded, image/id, image/class/label; it has no key at all"),
        (example(image_id=None), r"lacks image/id; it has image/class/label, image/encoded$"),
        (example(image_id=number(1)), "its image/id is a int64_list, not a bytes_list"),
        (example(image_width=text(b"7")), "its image/width is a bytes_list, not a int64_list"),
        (example(image_id=text(b"a", b"b")), "its image/id has 2 values, not one"),
        (example(image_format=text()), "its image/format has 0 values, not one"),
        (example(image_id=tf.train.Feature()), "it lacks image/id"),
    ],
    ids=range(8),  # serialised maps have no order that two processes would agree on
)
def test_record_of_another_schema_is_told_by_its_keys(record: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_fields(record)


def test_kaggles_triplets_are_known_and_the_remedy_named() -> None:
    triplet = tf.train.Example()
    for key in ("anchor_img", "positive_img", "negative_img"):
        triplet.features.feature[key].bytes_list.value.append(b"jpeg")
    with pytest.raises(ValueError, match=r"Kaggle's triplets.*build_records --triplets=FILES"):
        parse_fields(triplet.SerializeToString())


def test_long_list_of_foreign_keys_is_cut_short() -> None:
    other = tf.train.Example()
    for letter in "abcdefghijk":
        other.features.feature[letter].int64_list.value.append(1)
    with pytest.raises(ValueError, match="it has a, b, c, d, e, f, g, h and 3 more"):
        parse_fields(other.SerializeToString())
