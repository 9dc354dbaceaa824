"""What a model card tells of a published model that was imported, as ``model.json`` has it."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.markdown import count, table

_INPUTS = (
    ("`image`", "float32 [height, width, 3], RGB, 0 to 1"),
    ("`image_scales`", "float32 [scales]"),
    ("`score_threshold`", "float32; the models' authors use 100 for DELF, 166 to 455 for DELG"),
    ("`max_feature_num`", "int32"),
)
_OUTPUTS = (
    ("`locations`", "float32 [n, 2], y and x of a feature's middle, pixels"),
    ("`descriptors`", "float32 [n, {dimension}], unit length"),
    ("`boxes`", "float32 [n, 4], what a feature sees: top, left, bottom, right, pixels"),
    ("`scales`, `scores`", "float32 [n]"),
)


def local_features_account(described: Mapping[str, Any]) -> Iterator[str]:
    """The paragraphs on local features; none of a model that has none.

    Args:
        described: What ``model.json`` says of a model.
    """
    dimension = described.get("local_dimension")
    if dimension is None:
        return
    scales = ", ".join(f"{scale:.4g}" for scale in described.get("local_scales", ()))
    yield "## Local features"
    yield f"""```python
import tensorflow as tf

model = tf.saved_model.load("saved_model")  # from the folder of this page
photograph = tf.io.decode_image(tf.io.read_file("photograph.jpg"), channels=3)
outputs = model.signatures["default"](
    image=tf.cast(photograph, tf.float32) / 255,
    image_scales=tf.constant([{scales}]),
    score_threshold=tf.constant(100.0),
    max_feature_num=tf.constant(1000),
)
print(outputs["descriptors"].shape)  # (n, {dimension})
```"""
    outputs = [(name, text.format(dimension=count(dimension))) for name, text in _OUTPUTS]
    yield table(("signature `default`, in", ""), _INPUTS)
    yield table(("out", ""), outputs)


def import_account(described: Mapping[str, Any]) -> Iterator[str]:
    """The paragraphs on where a model is from; none of one that was trained here."""
    source = described.get("source")
    if source is None:
        return
    yield "## Source"
    yield (
        f"Imported from `{source['handle']}` (format `{source['format']}`, SHA-256 "
        f"`{source['fingerprint']}`).\nIt was trained elsewhere: on what photographs is not known "
        "here, so that no test can say whether\nthey were among them."
    )
