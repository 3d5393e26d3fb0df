"""Unbiased GC from outputs drawn by importance: for measuring classifiers."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_gc import _validation, backend
from keras_gc.estimators.balanced_probes import draw_indices, with_floor
from keras_gc.estimators.estimator import Estimator, squared_norm

# How fast the running mean of the squared gradients forgets.
_MOMENTUM = 0.9


@keras.saving.register_keras_serializable(package="keras_gc")
class SampledOutputs(Estimator):
    """Unbiased estimate from single outputs: `mean_n ||grad f_i||^2 / p_i`.

    Output i is drawn with a probability `p_i` proportional to a running mean
    of `G_ii = ||grad f_i||^2` over the batches so far (a tenth of the
    probability is spread evenly). Draws are balanced over the batch as the
    principal probes of `Hutchinson` are: each run of K examples with similar
    outputs takes its quantiles from K equal parts of p. The first batch draws
    evenly.

    - Bias: none.
    - Variance per example: `(sum_i G_ii^2 / p_i - (tr G)^2) / n`, up to the
      balance of the draws, which lowers it.
    - Cost: n vector-Jacobian products. Memory: one at a time when measuring.

    On trained classifiers no other estimator has less noise in its values at
    the cost of one product. As a penalty it has no advantage over `Hutchinson`
    with balanced probes, which need no state (`keras-gc bench --noise`
    measures both).

    Args:
        num_samples: int >= 1, n, at most the number of outputs. Defaults
            to 1.

    Raises:
        TypeError: if `num_samples` is not an int.
        ValueError: if it is smaller than 1; on the first call, if it is
            larger than the number of outputs.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> layer = keras.layers.Dense(2, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((3,)), layer])
    >>> estimator = keras_gc.estimators.SampledOutputs()
    >>> _, values = estimator(model, np.ones((4, 3)), seed=0)
    >>> values = keras.ops.convert_to_numpy(values)
    >>> np.round(values, 4).tolist()  # both outputs have the same gradient
    [6.0, 6.0, 6.0, 6.0]
    """

    def __init__(self, num_samples: int = 1):
        self.num_samples = _validation.positive_int("num_samples", num_samples)
        # (K,), running mean of G_ii
        self.mean_squares: Any = None  # a `keras.Variable`, once built

    def build(self, num_outputs: Any) -> None:
        """Create the running mean for `num_outputs` outputs.

        Args:
            num_outputs: int, K.

        Raises:
            ValueError: if K is unknown, smaller than `num_samples`, or not
                the one that the estimator was built for.
        """
        if not isinstance(num_outputs, int):
            raise ValueError(
                "SampledOutputs needs a fixed number of outputs. Received: "
                "outputs whose size changes from batch to batch. Use "
                "`keras_gc.estimators.Hutchinson()`."
            )
        if self.num_samples > num_outputs:
            raise ValueError(
                "`num_samples` must be at most the number of outputs, "
                f"{num_outputs}. Received: num_samples={self.num_samples}. "
                "`keras_gc.estimators.ExactReverse()` takes them all."
            )
        if self.mean_squares is None:
            self.mean_squares = keras.Variable(
                ops.zeros((num_outputs,)),
                dtype="float32",
                trainable=False,
                name="mean_squares",
            )
        elif self.mean_squares.shape != (num_outputs,):
            raise ValueError(
                f"This {self!r} was built for {self.mean_squares.shape[0]} "
                f"outputs. Received: {num_outputs} outputs. Give each model an "
                "estimator of its own."
            )

    @property
    def variables(self) -> list[keras.Variable]:
        """The running mean, once built."""
        return [] if self.mean_squares is None else [self.mean_squares]

    def estimate(self, fn: Callable, x: Any, seed: Any) -> tuple[Any, Any]:
        """Return `(aux, values)`; see `Estimator.estimate`."""
        outputs, aux, pullback = backend.vjp(fn, x)
        num_outputs = ops.shape(outputs)[1]
        self.build(num_outputs)
        probabilities = self.probabilities()
        drawn = self.draw(outputs, seed)
        drawn = ops.one_hot(drawn, num_outputs)  # (num_samples, batch, K)

        def squared_gradients(index):
            chosen = drawn[index]
            squares = squared_norm(pullback(ops.cast(chosen, outputs.dtype)))
            return squares[:, None] * ops.cast(chosen, squares.dtype)

        # (batch, K): ||grad f_i||^2 where i was drawn, else 0.
        squares = backend.accumulate(squared_gradients, self.num_samples)
        self.update(
            ops.sum(ops.stop_gradient(squares), axis=0),
            ops.sum(drawn, axis=(0, 1)),
        )
        weights = 1 / (self.num_samples * probabilities)
        values = ops.sum(squares * ops.cast(weights, squares.dtype), axis=1)
        return aux, values

    def probabilities(self) -> Any:
        """Return p, `(K,)`: proportional to the running mean, with a floor."""
        return with_floor(ops.convert_to_tensor(self.mean_squares))

    def draw(self, like: Any, seed: Any) -> Any:
        """Return the outputs that each example's gradients are taken of.

        Args:
            like: `(batch, K)`, the outputs.
            seed: int, `keras.random.SeedGenerator` or None.

        Returns:
            int tensor `(num_samples, batch)`; each entry is i with the
            probability `probabilities()[i]`.
        """
        return draw_indices(self.probabilities(), like, self.num_samples, seed)

    def update(self, sums: Any, counts: Any) -> None:
        """Move the running means of the outputs that were drawn.

        An output that was never drawn is given the mean of those that were.
        All replicas' draws count, so that all keep the same means.

        Args:
            sums: `(K,)`, sums of the squares where an output was drawn.
            counts: `(K,)`, how often each was.
        """
        sums = backend.replica_sum(ops.cast(sums, "float32"))
        counts = backend.replica_sum(ops.cast(counts, "float32"))
        means = sums / ops.maximum(counts, 1.0)
        # NaN or inf must not stay: the next batch would be drawn with it.
        known = ops.logical_and(counts > 0, ops.isfinite(means))
        means = ops.where(known, means, 0.0)
        typical = ops.divide_no_nan(
            ops.sum(means), ops.sum(ops.cast(known, "float32"))
        )
        old = ops.convert_to_tensor(self.mean_squares)
        is_first = ops.sum(old) == 0
        moved = _MOMENTUM * old + (1 - _MOMENTUM) * means
        self.mean_squares.assign(
            ops.where(
                known,
                ops.where(is_first, means, moved),
                ops.where(is_first, typical, old),
            )
        )

    def num_passes(self, num_outputs: int, num_inputs: int) -> int:
        """Return `num_samples`."""
        return self.num_samples

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"num_samples": self.num_samples}
