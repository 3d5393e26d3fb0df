"""Exact GC, one Jacobian-vector product per input."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_gc import backend
from keras_gc.estimators.estimator import Estimator, row_size, squared_norm


@keras.saving.register_keras_serializable(package="keras_gc")
class ExactForward(Estimator):
    """Exact squared Frobenius norm in forward mode: `sum_i ||J e_i||^2`.

    - Bias: none. Variance: none.
    - Cost: d Jacobian-vector products (d: number of inputs).
    - Memory: one product at a time when measuring.

    Use it where the inputs are few and the outputs many: regression on a line
    or in a plane, implicit neural representations.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> layer = keras.layers.Dense(2, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((3,)), layer])
    >>> _, values = keras_gc.estimators.ExactForward()(model, np.ones((1, 3)))
    >>> keras.ops.convert_to_numpy(values).tolist()
    [6.0]
    """

    is_exact = True

    def estimate(self, fn: Callable, x: Any, seed: Any) -> tuple[Any, Any]:
        """Return `(aux, values)`; see `Estimator.estimate`."""
        del seed
        _, aux, pushforward = backend.linearize(fn, x)
        leaves = keras.tree.flatten(x)
        sizes = [row_size(leaf) for leaf in leaves]
        num_inputs = sum(sizes)

        def squared_derivative(index):
            unit = ops.one_hot(index, num_inputs, dtype="float32")
            tangents, start = [], 0
            for leaf, size in zip(leaves, sizes, strict=True):
                part = ops.cast(unit[start : start + size], leaf.dtype)
                row = ops.reshape(part, (1, *ops.shape(leaf)[1:]))
                tangents.append(ops.broadcast_to(row, ops.shape(leaf)))
                start = start + size
            tangent = keras.tree.pack_sequence_as(x, tangents)
            return squared_norm(pushforward(tangent))

        return aux, backend.accumulate(squared_derivative, num_inputs)

    def num_passes(self, num_outputs: int, num_inputs: int) -> int:
        """Return d: one Jacobian-vector product per input."""
        return num_inputs
