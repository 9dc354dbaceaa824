"""ArcFace: every landmark has centres, and a photograph must be nearest to its own by an angle."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.losses.pairs import mean_where, share

# The gradient of the sine, cos / sin, stays below 1000: with scale 64 and margin 0.5 it fits
# into float16. It changes the sine only within 0.06 degrees of a centre.
_SMALLEST_SQUARED_SINE = 1e-6
_LARGEST_MARGIN = 1.0  # that of AdaptiveFace


def classes_of(labels: tf.Tensor, landmarks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Where each label stands among the landmarks.

    Args:
        labels: int64 ``(batch,)``.
        landmarks: int64 ``(classes,)``, ascending, at least one, none negative.

    Returns:
        int32 ``(batch,)`` in 0 to classes - 1, and bool ``(batch,)``, false where the label is
        none of the landmarks and the class means nothing.
    """
    classes = tf.minimum(tf.searchsorted(landmarks, labels), tf.shape(landmarks)[0] - 1)
    return classes, tf.gather(landmarks, classes) == labels


def nearest_centre_cosines(embeddings: tf.Tensor, centres: tf.Tensor) -> tf.Tensor:
    """Cosine of the angle to the nearest sub-centre of every class.

    With several, a landmark's wrongly labelled or very different photographs gather at one of
    their own: Deng et al., 2020,
    https://www.ecva.net/papers/eccv_2020/papers_ECCV/papers/123560715.pdf.

    Args:
        embeddings: ``(batch, dim)`` of any float type, unit length.
        centres: float32 ``(classes, sub-centres, dim)`` of any length.

    Returns:
        float32 ``(batch, classes)``, -1 to 1.
    """
    directions = tf.math.l2_normalize(centres, axis=-1)
    cosines = tf.einsum("bd,csd->bcs", tf.cast(embeddings, tf.float32), directions)
    return tf.reduce_max(cosines, axis=-1)


def arcface_logits(
    cosines: tf.Tensor, classes: tf.Tensor, margins: tf.Tensor | float, scale: float
) -> tf.Tensor:
    """Scaled cosines, with the margin added to the angle of each photograph's own class.

    ``scale * cos(angle + margin)``, which by the addition theorem needs no arc cosine, whose
    gradient is infinite at 0 and pi. Where angle and margin pass pi the cosine would rise
    again; there it is ``cos(angle) - margin * sin(margin)``, which goes on falling: Deng et
    al., 2019, https://arxiv.org/abs/1801.07698, and its authors' code.

    Args:
        cosines: float32 ``(batch, classes)``, -1 to 1 but for rounding.
        classes: int ``(batch,)``, each photograph's own.
        margins: Angle in radians, 0 to pi / 2; float32 ``(batch,)``, or one for all.
        scale: Above 0; the larger, the more the nearest wrong classes count.

    Returns:
        float32 ``(batch, classes)``.
    """
    own = tf.gather(cosines, classes, batch_dims=1)
    sine = tf.sqrt(tf.maximum(1.0 - tf.square(own), _SMALLEST_SQUARED_SINE))
    margins = tf.convert_to_tensor(margins, tf.float32)
    turned = own * tf.cos(margins) - sine * tf.sin(margins)
    beyond = own - margins * tf.sin(margins)
    with_margin = tf.where(own > -tf.cos(margins), turned, beyond)
    is_own = tf.one_hot(classes, tf.shape(cosines)[1], True, False, dtype=tf.bool)
    return scale * tf.where(is_own, with_margin[:, None], cosines)


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class ArcFace(keras.layers.Layer):
    """Loss of telling landmarks apart by the angle to their learned centres.

    Its variables belong to training alone: the centres are as many as the landmarks, and want
    a learning rate for starting from nothing, not one for pretrained weights. Memory is
    ``batch * landmarks * subcentres`` floats a few times, and the centres: 0.2 GB of 100,000
    landmarks at dimension 512, three times that with Adam's moments.

    Args:
        landmarks: Labels of the landmarks to tell apart, any whole numbers in any order;
            negative ones (unknown) and repeated ones are left out.
        dimension: Length of the embeddings.
        margin: Angle in radians, 0 to 1, by which a photograph must be nearer to its own centre;
            where it is learned, that at the start.
        scale: Factor of the cosines.
        subcentres: Centres a landmark; 3 for noisy labels.
        learned_margin: Whether every landmark learns a margin of its own, of 0 to 1. Few
            photographs, which are soon learned by heart, get a large one.
        margin_reward: What learned margins are kept up by: the loss grows by this times the mean
            of ``1 - margin`` over all landmarks. A margin rests where the probability of the
            wrong landmarks, times the sine of angle and margin, is ``margin_reward / scale``.
            Liu et al., 2019, AdaptiveFace, https://ieeexplore.ieee.org/document/8953996.

    Call arguments:
        embeddings: ``(batch, dimension)`` of any float type, unit length.
        labels: int64 ``(batch,)``; a photograph of none of the landmarks takes no part.

    Returns:
        The mean loss and the fraction of photographs whose landmark is not the likeliest, its
        margin included; both 0 where no photograph takes part.

    Raises:
        ValueError: If there are fewer than two landmarks, or a number is out of its range.
    """

    def __init__(
        self,
        landmarks: Sequence[int] | np.ndarray,
        dimension: int,
        *,
        margin: float = 0.3,
        scale: float = 30.0,
        subcentres: int = 1,
        learned_margin: bool = False,
        margin_reward: float = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.landmarks = _known_landmarks(landmarks)
        _require_ranges(margin=margin, scale=scale, subcentres=subcentres)
        self.dimension = dimension
        self.margin = margin
        self.scale = scale
        self.subcentres = subcentres
        self.learned_margin = learned_margin
        self.margin_reward = margin_reward
        classes = len(self.landmarks)
        self.centres = self.add_weight(
            name="centres",
            shape=(classes, subcentres, dimension),
            # About unit length: steps of an optimizer then turn them as much as other weights.
            initializer=keras.initializers.RandomNormal(stddev=dimension**-0.5),
        )
        if learned_margin:
            self.margins = self.add_weight(
                name="margins",
                shape=(classes,),
                initializer=keras.initializers.Constant(margin),
                constraint=_MarginRange(),
            )

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        classes, known = classes_of(labels, tf.constant(self.landmarks))
        cosines = nearest_centre_cosines(embeddings, tf.convert_to_tensor(self.centres))
        margins = tf.gather(self.margins, classes) if self.learned_margin else self.margin
        logits = arcface_logits(cosines, classes, margins, self.scale)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
        wrong = tf.argmax(logits, axis=1, output_type=tf.int32) != classes
        return mean_where(losses, known) + self._price_of_margins(known), share(wrong, known)

    def _price_of_margins(self, known: tf.Tensor) -> tf.Tensor:
        if not self.learned_margin:
            return 0.0
        price = self.margin_reward * tf.reduce_mean(_LARGEST_MARGIN - self.margins)
        return price * tf.cast(tf.reduce_any(known), tf.float32)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "landmarks": self.landmarks.tolist(),
            "dimension": self.dimension,
            "margin": self.margin,
            "scale": self.scale,
            "subcentres": self.subcentres,
            "learned_margin": self.learned_margin,
            "margin_reward": self.margin_reward,
        }


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class _MarginRange(keras.constraints.Constraint):
    """A negative margin would push a landmark's photographs apart."""

    def __call__(self, weight: Any) -> Any:
        return keras.ops.clip(weight, 0.0, _LARGEST_MARGIN)


def _known_landmarks(labels: Sequence[int] | np.ndarray) -> np.ndarray:
    known = np.unique(np.asarray(labels, np.int64))
    known = known[known >= 0]
    if len(known) < 2:
        raise ValueError(
            "ArcFace tells landmarks apart, so at least two must be known. "
            f"Received: {len(known)} among {len(labels)} labels."
        )
    return known


def _require_ranges(*, margin: float, scale: float, subcentres: int) -> None:
    if not 0 <= margin <= _LARGEST_MARGIN:
        raise ValueError(
            f"ArcFace's --margin is an angle of 0 to {_LARGEST_MARGIN} radians. Received: {margin}."
        )
    if scale <= 0:
        raise ValueError(f"ArcFace's scale must be above 0. Received: {scale}.")
    if subcentres < 1:
        raise ValueError(f"ArcFace needs at least one centre a landmark. Received: {subcentres}.")
