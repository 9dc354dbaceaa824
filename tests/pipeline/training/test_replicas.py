import json

import numpy as np
import pytest
import tensorflow as tf

from pipeline.training.replicas import Replicas, _read_cluster


def config(cluster: dict[str, list[str]], kind: str = "worker", index: int = 0) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize("text", ["", "{}", config({"worker": ["a:1"]})])
def test_process_without_others_trains_alone(text: str) -> None:
    assert _read_cluster(text) is None


@pytest.mark.parametrize(
    ("kind", "index", "number"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)]
)
def test_chief_comes_before_the_workers(kind: str, index: int, number: int) -> None:
    cluster = {"worker": ["a:1", "b:1"], "chief": ["c:1"]}
    assert _read_cluster(config(cluster, kind, index)) == (number, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON of a cluster"),
        ("[1]", "no JSON of a cluster"),
        (config({"worker": ["a:1"], "ps": ["b:1"]}), "Received: ps"),
        (config({"worker": ["a:1"]}, "evaluator"), "Received: evaluator"),
        (config({"worker": ["a:1", "b:1"]}, index=2), "names no worker 2"),
        (config({"worker": ["a:1", "a:1"]}), "each worker's own HOST:PORT"),
        (config({"worker": ["a:1", ""]}), "each worker's own HOST:PORT"),
        ('{"cluster": {"worker": "a:1"}}', "workers are a list, received 'a:1'"),
    ],
)
def test_cluster_that_cannot_train_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"TF_CONFIG .*{message}"):
        _read_cluster(text)


def test_one_replica_gets_the_batch_as_it_is() -> None:
    images, labels = tf.zeros((6, 4, 4, 3), tf.uint8), tf.range(6, dtype=tf.int64)
    dealt, known, examples = Replicas.one().deal(images, labels, photographs=3)
    assert dealt is images
    assert known is labels
    assert int(examples) == 2


def test_empty_batch_becomes_a_black_example_that_does_not_count() -> None:
    images, labels = tf.zeros((0, 4, 4, 3), tf.uint8), tf.zeros((0,), tf.int64)
    dealt, known, examples = Replicas.one().deal(images, labels, photographs=3)
    np.testing.assert_array_equal(dealt, np.zeros((3, 4, 4, 3)))
    assert known.numpy().tolist() == [-1, -1, -1]
    assert int(examples) == 0
