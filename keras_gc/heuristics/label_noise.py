"""LabelNoise: wrong labels or noisy targets, drawn anew for each batch."""

from typing import Any

import keras
from keras import ops

from keras_gc import _validation
from keras_gc.backend.scope import discard_updates
from keras_gc.heuristics.gaussian_noise import gaussian_noise
from keras_gc.heuristics.heuristic import Heuristic, check_seed, is_floating


@keras.saving.register_keras_serializable(package="keras_gc")
class LabelNoise(Heuristic):
    """Noise on the targets, drawn anew in each step.

    Give one of the two:

    - `rate`, for classification. With this probability a label is replaced by
      one of the **other** classes, each equally likely: a share `rate` of the
      labels is wrong. Labels are class ids (integers or bools; 0 and 1 where
      the model has one output) or one-hot rows of any dtype, shaped like the
      model's outputs. Ids that are no class of the model (an `ignore_class` of
      -1) stay as they are.
    - `stddev`, for regression. `stddev * e`, with e ~ N(0, 1), is added to each
      entry of the (floating) targets.

    Labels that are drawn anew cannot be memorised, unlike labels that stay
    wrong. The loss is that of the noisy targets; metrics, class weights and
    sample weights are those of the clean ones. Under
    `tf.distribute` each replica draws noise of its own.

    Cost: drawing the noise.

    Args:
        rate: float in [0, 1], probability that a label is replaced. Defaults
            to None: no classification.
        stddev: float >= 0, in units of the targets. Defaults to None: no
            regression.
        seed: int, makes the noise repeatable. Defaults to None.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if it is out of range, or not exactly one of `rate` and
            `stddev` is given.

    Example:
    >>> import keras, keras_gc
    >>> model = keras_gc.GCSequential(
    ...     [keras.Input((3,)), keras.layers.Dense(2)]
    ... )
    >>> noise = keras_gc.heuristics.LabelNoise(rate=0.1)
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> model.compile("sgd", loss, heuristics=[noise])

    Reference: Blanc et al. 2020 (arXiv 1904.09080).
    """

    def __init__(
        self,
        rate: float | None = None,
        stddev: float | None = None,
        seed: int | None = None,
    ):
        if (rate is None) == (stddev is None):
            raise ValueError(
                "`LabelNoise` needs exactly one of `rate` (classification) "
                "and `stddev` (regression). Received: "
                f"rate={_validation.shown(rate)}, "
                f"stddev={_validation.shown(stddev)}"
            )
        self.rate = self.stddev = None
        if rate is not None:
            self.rate = _validation.number(
                "rate", rate, minimum=0.0, maximum=1.0
            )
        else:
            self.stddev = _validation.number("stddev", stddev, minimum=0.0)
        self.seed = check_seed(seed)

    def corrupt(
        self,
        x: Any,
        y: Any,
        model: keras.Model,
        seed: keras.random.SeedGenerator,
    ) -> tuple[Any, Any]:
        """Return the batch with noisy targets.

        Args:
            x: the model's input, tensors.
            y: the targets, a tensor.
            model: the model in training.
            seed: `keras.random.SeedGenerator`.

        Returns:
            `(x, y)`.

        Raises:
            ValueError: if there is not exactly one target.
        """
        leaves = [leaf for leaf in keras.tree.flatten(y) if leaf is not None]
        if len(leaves) != 1:
            raise ValueError(
                "`LabelNoise` acts on one target. Received: "
                f"{len(leaves)} targets"
            )
        target = ops.convert_to_tensor(leaves[0])
        if self.rate is None:
            target = self._with_noise(target, seed)
        else:
            target = self._with_wrong_labels(target, _outputs(model, x), seed)
        return x, keras.tree.pack_sequence_as(y, [target])

    def _with_noise(self, target, seed):
        if not is_floating(target):
            raise TypeError(
                "`LabelNoise(stddev=...)` is for regression, with floating "
                "targets. For class labels use `LabelNoise(rate=...)`; for "
                "whole numbers pass `y.astype('float32')`. Received: targets "
                f"of dtype {keras.backend.standardize_dtype(target.dtype)}"
            )
        return target + gaussian_noise(
            ops.shape(target), self.stddev, target.dtype, seed
        )

    def _with_wrong_labels(self, target, outputs, seed):
        units = outputs.shape[-1] if len(outputs.shape) > 1 else 1
        num_classes = max(units, 2)
        one_hot = units > 1 and _same_shape(target, outputs)
        if one_hot:
            labels = ops.argmax(target, axis=-1)
        else:
            _check_ids(target, outputs)
            labels = ops.cast(target, "int32")
        labels = ops.cast(labels, "int32")
        shift = keras.random.randint(
            ops.shape(labels), 1, num_classes, dtype="int32", seed=seed
        )
        wrong = (labels + shift) % num_classes
        flip = keras.random.uniform(ops.shape(labels), seed=seed) < self.rate
        if one_hot:
            wrong = ops.one_hot(wrong, num_classes)
            flip = flip[..., None]
        else:
            flip = flip & (labels >= 0) & (labels < num_classes)
        return ops.where(flip, ops.cast(wrong, target.dtype), target)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"rate": self.rate, "stddev": self.stddev, "seed": self.seed}


def _outputs(model, x):
    """Return the model's one output, for its shape."""
    outputs = getattr(model, "outputs", None)
    if outputs is None:  # a subclassed model: ask it with one example
        with discard_updates():
            outputs = keras.tree.flatten(
                model(keras.tree.map_structure(_first_row, x), training=False)
            )
    if len(outputs) != 1:
        raise ValueError(
            "`LabelNoise(rate=...)` needs a model with one output. Received: "
            f"model '{model.name}' with {len(outputs)} outputs"
        )
    return outputs[0]


def _same_shape(target, outputs):
    """Return whether rows have the same shape; None agrees with any size."""
    sizes, others = target.shape[1:], outputs.shape[1:]
    return len(sizes) == len(others) and all(
        None in pair or pair[0] == pair[1]
        for pair in zip(sizes, others, strict=True)
    )


def _first_row(tensor):
    return None if tensor is None else tensor[:1]


def _check_ids(target, outputs):
    dtype = keras.backend.standardize_dtype(target.dtype)
    if dtype != "bool" and "int" not in dtype:
        raise TypeError(
            "`LabelNoise(rate=...)` needs class labels: integers, or one-hot "
            f"rows of the shape of the model's outputs, {outputs.shape}. If "
            "the labels are whole numbers, pass `y.astype('int32')`; for "
            "regression, use `LabelNoise(stddev=...)`. Received: targets of "
            f"shape {tuple(target.shape)}, dtype {dtype}"
        )
