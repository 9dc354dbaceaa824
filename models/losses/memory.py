"""Cross-batch memory: embeddings of past batches as references beside those of the batch."""

import functools
from typing import Any

import keras
import tensorflow as tf

from models.losses.pairs import PairLoss, Pairs


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class CrossBatchMemory(keras.layers.Layer):
    """Applies a loss over pairs to a batch against itself and the embeddings of past batches.

    Embeddings drift slowly as a network learns, so that those of the last steps still say where
    a photograph lies: Wang et al., 2020, https://arxiv.org/abs/1912.06798. Gradients flow
    through the batch only. The batch is remembered after it was compared, so it never meets
    itself; a photograph that an earlier batch held counts as another of its landmark.

    Memory is ``capacity * dimension`` floats and a few times ``batch * capacity``: 17 MB and
    4 MB of 8,192 at dimension 512 and 128 photographs.

    Args:
        pair_loss: A loss over pairs: one of this package, or a ``functools.partial`` of one.
        capacity: How many embeddings are remembered; the oldest give way.
        dimension: Length of the embeddings.
        start: In the first so many steps the memory only fills, and the batch is compared with
            itself alone: embeddings drift fast at first.

    Call arguments:
        embeddings: ``(batch, dimension)`` of any float type, unit length.
        labels: int64 ``(batch,)``, negative where unknown.

    Returns:
        What ``pair_loss`` gives: the loss and the fraction that is active, both scalars.

    Raises:
        ValueError: If ``capacity`` is below 1 or ``start`` negative.
    """

    def __init__(
        self, pair_loss: PairLoss, capacity: int, dimension: int, start: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if capacity < 1 or start < 0:
            raise ValueError(
                "A memory holds at least 1 embedding and starts after 0 steps or more. "
                f"Received: capacity {capacity}, start {start}."
            )
        self.pair_loss = pair_loss
        self.capacity = capacity
        self.dimension = dimension
        self.start = start
        self.past_embeddings = self._state("embeddings", "float32", (capacity, dimension), 0)
        self.past_labels = self._state("labels", "int64", (capacity,), -1)  # empty places
        self.remembered = self._state("remembered", "int64", (), 0)  # ever, so the next place
        self.steps = self._state("steps", "int64", (), 0)

    def _state(self, name: str, dtype: str, shape: tuple[int, ...], value: int) -> Any:
        # Every replica assigns the same, as every one sees the joint batch.
        return self.add_weight(
            name=name,
            dtype=dtype,
            shape=shape,
            initializer=keras.initializers.Constant(value),
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        started = self.steps.value >= self.start
        past_labels = tf.where(started, self.past_labels.value, -1)
        past = Pairs.between(embeddings, labels, self.past_embeddings.value, past_labels)
        result = self.pair_loss(Pairs.within(embeddings, labels).beside(past))
        self._remember(embeddings, labels)
        return result

    def _remember(self, embeddings: tf.Tensor, labels: tf.Tensor) -> None:
        embeddings, labels = embeddings[-self.capacity :], labels[-self.capacity :]
        count = tf.shape(labels, tf.int64)[0]
        places = (self.remembered.value + tf.range(count)) % self.capacity
        embeddings = tf.cast(embeddings, tf.float32)
        self.past_embeddings.value.scatter_update(tf.IndexedSlices(embeddings, places))
        self.past_labels.value.scatter_update(tf.IndexedSlices(labels, places))
        self.remembered.assign_add(count)
        self.steps.assign_add(1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pair_loss": _as_config(self.pair_loss),
            "capacity": self.capacity,
            "dimension": self.dimension,
            "start": self.start,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CrossBatchMemory":
        """Makes a memory of these settings, empty."""
        return cls(**{**config, "pair_loss": _from_config(config["pair_loss"])})


def _as_config(pair_loss: PairLoss) -> dict[str, Any]:
    """Keras serialises functions by their registered names, but no ``functools.partial``."""
    bound = pair_loss if isinstance(pair_loss, functools.partial) else functools.partial(pair_loss)
    function = keras.saving.serialize_keras_object(bound.func)
    return {"function": function, "arguments": bound.keywords}


def _from_config(config: dict[str, Any]) -> PairLoss:
    function = keras.saving.deserialize_keras_object(config["function"])
    return functools.partial(function, **config["arguments"])
