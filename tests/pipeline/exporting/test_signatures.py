from pathlib import Path

import pytest
import tensorflow as tf

from pipeline.exporting.signatures import Signature, read_signatures
from tests.tiny import Tiny


@pytest.fixture(scope="module")
def signatures(tiny: Tiny) -> dict[str, Signature]:
    return read_signatures(tiny.model / "saved_model")


def test_all_inputs_and_outputs_have_the_names_and_types_that_others_rely_on(
    signatures: dict[str, Signature],
) -> None:
    told = {
        name: (
            {key: spec.dtype for key, spec in signature.inputs.items()},
            {key: spec.dtype for key, spec in signature.outputs.items()},
        )
        for name, signature in signatures.items()
    }
    output = {"global_descriptor": tf.float32}
    assert told == {
        "serving_default": ({"image_bytes": tf.string}, output),
        "pixels": ({"images": tf.uint8}, output),
        "kaggle": ({"input_image": tf.uint8}, output),
        "region": ({"box": tf.float32, "image_bytes": tf.string}, output),
    }


def test_batch_and_size_may_vary_and_the_dimension_does_not(
    signatures: dict[str, Signature],
) -> None:
    shapes = {
        name: [spec.shape.as_list() for spec in (*one.inputs.values(), *one.outputs.values())]
        for name, one in signatures.items()
    }
    assert shapes == {
        "serving_default": [[None], [None, 16]],
        "pixels": [[None, None, None, 3], [None, 16]],
        "kaggle": [[None, None, 3], [16]],
        "region": [[None, 4], [None], [None, 16]],
    }


def test_a_missing_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"saved_model\.pb"):
        read_signatures(tmp_path)
