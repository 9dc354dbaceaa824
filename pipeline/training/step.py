"""One step of training: a forward pass, the loss of the joint batch, the update."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from models.losses.pairs import BatchLoss
from models.siamese import all_layers
from pipeline.training import parts
from pipeline.training.averaging import WeightAverage
from pipeline.training.loss_scale import LossScale
from pipeline.training.replicas import Replicas


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepResult:
    """What a step tells, the same in every replica.

    Attributes:
        loss: Of the joint batch.
        active: Share of its triplets or pairs that have a loss.
        gradient_norm: Norm of all gradients together, before they are clipped.
        embeddings: float32 ``(photographs, dim)``, of all replicas.
        labels: int64 ``(photographs,)``.
    """

    loss: tf.Tensor
    active: tf.Tensor
    gradient_norm: tf.Tensor
    embeddings: tf.Tensor
    labels: tf.Tensor


class TrainStep(tf.Module):
    """A compiled step, the same on one device and on many.

    Each replica passes its own photographs through its copy of the network; all embeddings are
    then gathered, so that every replica computes the loss of the joint batch and mining sees all
    of it. A replica's gradient is that of its own photographs; their sum is the gradient that one
    process would have. An update that is not finite is not made.

    Args:
        network: From uint8 images to embeddings.
        optimizer: Built over the weights of the network and then of the loss.
        batch_loss: Loss of embeddings and labels.
        replicas: Where to train.
        photographs: Of an example: 1, 2 or 3.
        clip_norm: Norm above which gradients are scaled down.
        at_a_time: Photographs that a replica keeps activations of at a time; None for all.
        average: Takes in the weights after every step.

    Attributes:
        average: As given.

    Raises:
        ValueError: If a batch is to be learned from in parts and changes batch statistics.
    """

    def __init__(
        self,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        batch_loss: BatchLoss,
        replicas: Replicas,
        *,
        photographs: int,
        clip_norm: float,
        at_a_time: int | None = None,
        average: WeightAverage | None = None,
    ) -> None:
        super().__init__()
        self._network = network
        self._optimizer = optimizer
        self._batch_loss = batch_loss
        self._replicas = replicas
        self._photographs = photographs
        self._clip_norm = clip_norm
        self._at_a_time = at_a_time
        self.average = average
        self._of_loss = trainable_variables(batch_loss)
        self._of_network = list(network.trainable_variables)
        self._statistics = batch_statistics(network)
        if at_a_time is not None and self._statistics:
            raise ValueError(
                "--photographs_at_a_time needs --batch_statistics=frozen, as the statistics of a "
                "part are not those of the batch."
            )
        self._scale = LossScale(any(one.compute_dtype == "float16" for one in all_layers(network)))

    @property
    def learning_rate(self) -> float:
        """Of the step that comes."""
        return float(self._optimizer.learning_rate)

    @property
    def may_overflow(self) -> bool:
        """Whether gradients that are not finite may be so for the scale of a float16 loss alone."""
        return self._scale.value.numpy() > 1.0

    @property
    def state(self) -> dict[str, Any]:
        """What decides the next steps beside the network, to be kept in checkpoints."""
        state = {
            "optimizer": self._optimizer,
            "loss_scale": self._scale,
        }
        if isinstance(self._batch_loss, keras.Layer):
            state["batch_loss"] = self._batch_loss
        if self.average is not None:
            state["average"] = self.average
        return state

    def __call__(self, images: tf.Tensor, labels: tf.Tensor) -> StepResult:
        """Learns from this process's part of a batch.

        Args:
            images: uint8 ``(photographs * examples, size, size, 3)``.
            labels: int64 ``(photographs * examples,)``.
        """
        dealt = self._replicas.deal(images, labels, self._photographs)
        loss, active, norm, embeddings, known = self._run(*dealt)
        return StepResult(
            loss=loss, active=active, gradient_norm=norm, embeddings=embeddings, labels=known
        )

    @tf.function(reduce_retracing=True)  # a batch is smaller where a photograph is damaged
    def _run(self, images: Any, labels: Any, examples: Any) -> tuple[tf.Tensor, ...]:
        of_replicas, gradients = self._replicas.strategy.run(
            self._gradients, args=(images, labels, examples)
        )
        loss, active, embeddings, known = map(self._replicas.first, of_replicas)
        norm = tf.linalg.global_norm(list(map(self._replicas.first, gradients)))
        is_finite = tf.math.is_finite(norm) & tf.math.is_finite(loss)
        # Outside of replicas, where a condition may hold updates.
        tf.cond(
            is_finite & (tf.size(known) > 0),
            lambda: self._update(gradients, norm, examples),
            lambda: tf.constant(False),
        )
        self._scale.update(is_finite)
        return loss, active, norm, embeddings, known

    def _gradients(
        self, images: tf.Tensor, labels: tf.Tensor, examples: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, ...], list[tf.Tensor]]:
        """In a replica: the joint batch, its loss, and the gradients of all replicas."""
        if self._at_a_time is None:
            with tf.GradientTape() as tape:
                local = self._network(images, training=True)
                loss, *rest = self._loss(local, labels, examples)
                scaled = loss * self._scale.value
            found = parts.gradients(tape, scaled, [*self._of_network, *self._of_loss])
        else:
            local = parts.embeddings_by_parts(self._network, images, self._at_a_time)
            with tf.GradientTape() as tape:
                tape.watch(local)
                loss, *rest = self._loss(local, labels, examples)
                scaled = loss * self._scale.value
            of_local, *of_loss = parts.gradients(tape, scaled, [local, *self._of_loss])
            found = parts.gradients_by_parts(
                self._network, images, self._at_a_time, self._of_network, of_local
            )
            found += of_loss
        return (loss, *rest), self._added_up(found)

    def _loss(
        self, local: tf.Tensor, labels: tf.Tensor, examples: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        embeddings, known = self._joint(local, labels, examples)
        loss, active = self._batch_loss(embeddings, known)
        return loss, active, embeddings, known

    def _joint(
        self, local: tf.Tensor, labels: tf.Tensor, examples: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The embeddings and labels of all replicas, laid out as those of one.

        Gradients flow into this replica's own embeddings only.
        """
        if self._replicas.strategy.num_replicas_in_sync == 1:
            return local, labels
        context = tf.distribute.get_replica_context()

        def gathered(values: tf.Tensor) -> tf.Tensor:
            return context.all_gather(values, axis=0)

        def by_example(values: tf.Tensor) -> tf.Tensor:
            shape = (self._photographs, -1, *values.shape[1:])
            order = (1, 0, *range(2, len(values.shape) + 1))
            return tf.transpose(tf.reshape(values, shape), order)[:examples]

        def by_photograph(values: tf.Tensor) -> tf.Tensor:
            order = (1, 0, *range(2, len(values.shape)))
            return tf.reshape(tf.transpose(values, order), (-1, *values.shape[2:]))

        mine = by_example(local)
        others = gathered(tf.stop_gradient(mine))
        counts = gathered(examples[None])
        start = tf.reduce_sum(counts[: context.replica_id_in_sync_group])
        joint = tf.concat([others[:start], mine, others[start + examples :]], axis=0)
        return by_photograph(joint), by_photograph(gathered(by_example(labels)))

    def _added_up(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """Sums the parts of the network's gradients; each replica has those of the loss whole."""
        context = tf.distribute.get_replica_context()
        count = len(self._of_network)
        total = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients[:count])
        if self._of_loss:
            total += context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients[count:])
        return [one / tf.cast(self._scale.value, one.dtype) for one in total]

    def _update(self, gradients: list[Any], norm: tf.Tensor, examples: Any) -> tf.Tensor:
        self._replicas.strategy.run(self._apply, args=(gradients, norm, examples))
        if self.average is not None:
            self.average.update()
        return tf.constant(True)

    def _apply(self, gradients: list[tf.Tensor], norm: tf.Tensor, examples: tf.Tensor) -> None:
        clipped, _ = tf.clip_by_global_norm(gradients, self._clip_norm, use_norm=norm)
        self._optimizer.apply(clipped, [*self._of_network, *self._of_loss])
        if self._replicas.strategy.num_replicas_in_sync > 1 and self._statistics:
            self._share_statistics(tf.cast(examples, tf.float32))

    def _share_statistics(self, examples: tf.Tensor) -> None:
        """Averages batch statistics over the replicas, each by how much of the batch it had."""
        context = tf.distribute.get_replica_context()
        total = context.all_reduce(tf.distribute.ReduceOp.SUM, examples)
        for statistic in self._statistics:
            weighted = statistic.value * examples / total
            statistic.assign(context.all_reduce(tf.distribute.ReduceOp.SUM, weighted))


def trainable_variables(batch_loss: BatchLoss) -> list[keras.Variable]:
    """What a loss itself learns, such as ArcFace's centres."""
    return list(batch_loss.trainable_variables) if isinstance(batch_loss, keras.Layer) else []


def batch_statistics(network: keras.Model) -> list[keras.Variable]:
    """Moving means and variances that change in training."""
    return [
        statistic
        for layer in all_layers(network)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
        for statistic in (layer.moving_mean, layer.moving_variance)
    ]
