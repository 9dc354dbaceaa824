"""Whether a record is one of a labelled photograph, key by key."""

import tensorflow as tf
from google.protobuf.message import DecodeError

Fields = dict[str, bytes | int]

_BYTES, _INTEGER = "bytes_list", "int64_list"
# Of `records.FEATURES`, as tf.train.Example calls their types.
TYPES = {
    "image/encoded": _BYTES,
    "image/id": _BYTES,
    "image/class/label": _INTEGER,
    "image/class/text": _BYTES,
    "image/format": _BYTES,
    "image/colorspace": _BYTES,
    "image/height": _INTEGER,
    "image/width": _INTEGER,
    "image/channels": _INTEGER,
    "image/sha256": _BYTES,
    "image/provenance": _BYTES,
    "image/attribution/author": _BYTES,
    "image/attribution/license": _BYTES,
    "image/attribution/url": _BYTES,
    "image/attribution/title": _BYTES,
}
REQUIRED = ("image/encoded", "image/id", "image/class/label")  # without the others, stages go on
_TRIPLET = {"anchor_img", "positive_img", "negative_img"}
_NAMED = 8  # keys of another schema


def parse_fields(record: bytes) -> Fields:
    """The values of a record by key; those that it may lack and lacks are left out.

    Raises:
        ValueError: If it is of another schema, saying which.
    """
    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError as error:
        raise ValueError("it is no tf.train.Example") from error
    present = {key: feature for key, feature in features.items() if feature.WhichOneof("kind")}
    lacking = [key for key in REQUIRED if key not in present]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}; {_schema(set(present))}")
    return {key: _value(key, present[key]) for key in TYPES if key in present}


def _value(key: str, feature: tf.train.Feature) -> bytes | int:
    kind = feature.WhichOneof("kind")
    if kind != TYPES[key]:
        raise ValueError(f"its {key} is a {kind}, not a {TYPES[key]}")
    values = getattr(feature, kind).value
    if len(values) != 1:
        raise ValueError(f"its {key} has {len(values)} values, not one")
    return values[0]


def _schema(keys: set[str]) -> str:
    if keys >= _TRIPLET:
        return (
            "these are Kaggle's triplets, of which `python -m pipeline.build_records "
            "--triplets=FILES` makes records"
        )
    if not keys:
        return "it has no key at all"
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return f"it has {', '.join(sorted(keys)[:_NAMED])}{more}"
