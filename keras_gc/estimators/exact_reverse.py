"""Exact GC, one vector-Jacobian product per output."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_gc import backend
from keras_gc.estimators.estimator import Estimator, squared_norm


@keras.saving.register_keras_serializable(package="keras_gc")
class ExactReverse(Estimator):
    """Exact squared Frobenius norm in reverse mode: `sum_k ||J^T e_k||^2`.

    - Bias: none. Variance: none.
    - Cost: K vector-Jacobian products (K: number of outputs).
    - Memory: one product at a time when measuring, never K times the batch.
      As a training penalty, all K products are kept for the weights' gradient.

    Use it where K is small and the inputs are many: a classifier.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> layer = keras.layers.Dense(2, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((3,)), layer])
    >>> _, values = keras_gc.estimators.ExactReverse()(model, np.ones((1, 3)))
    >>> values = keras.ops.convert_to_numpy(values)
    >>> values.tolist()  # the sum of the 6 squared weights
    [6.0]
    """

    is_exact = True

    def estimate(self, fn: Callable, x: Any, seed: Any) -> tuple[Any, Any]:
        """Return `(aux, values)`; see `Estimator.estimate`."""
        del seed
        outputs, aux, pullback = backend.vjp(fn, x)
        num_outputs = ops.shape(outputs)[1]

        def squared_gradient(index):
            unit = ops.cast(ops.one_hot(index, num_outputs), outputs.dtype)
            unit = ops.broadcast_to(unit[None], ops.shape(outputs))
            return squared_norm(pullback(unit))

        return aux, backend.accumulate(squared_gradient, num_outputs)

    def num_passes(self, num_outputs: int, num_inputs: int) -> int:
        """Return K: one vector-Jacobian product per output."""
        return num_outputs
