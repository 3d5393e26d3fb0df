"""A function's Jacobian at each row of a batch, as a linear map on arrays."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import backend
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators.estimator import flatten_rows
from keras_gc.theory.lanczos import ROUNDING, largest_singular_values

# Up to this many outputs the norm is computed from the whole matrix.
_FEW = 16


class Jacobian:
    """J of a function at the rows of a batch: products, matrix and norm.

    The products run on the device, traced once for all batches. What follows
    (orthogonal bases, singular values) runs in numpy, in float64.

    Args:
        point_and_function: function from a batch x to `(point, fn)`: where the
            Jacobian is taken, and of which function of the point. Each row of
            `fn`'s outputs must depend on its own row of the point alone.
        variables: list of all variables that `point_and_function` and `fn`
            read.
        check: function of the outputs of the first batch, an array, that
            raises if they are not what was meant. Defaults to no check.
    """

    def __init__(
        self,
        point_and_function: Callable[[Any], tuple],
        variables: list[keras.Variable],
        check: Callable[[np.ndarray], None] = lambda outputs: None,
    ):
        self._point_and_function = point_and_function
        self._check = check
        # Shapes of one row of x -> (outputs, inputs).
        self._sizes: dict[tuple, tuple[int, int]] = {}
        self._pull = backend.compiled(self._pulled_back, variables, [])
        self._push = backend.compiled(self._pushed_forward, variables, [])

    def matrix(self, x: Any) -> np.ndarray:
        """Compute J by its rows, or by its columns if they are fewer.

        Up to 16 rows are always preferred: columns need forward mode.

        Args:
            x: a batch.

        Returns:
            Array of shape `(batch, outputs, inputs)`.
        """
        num_outputs, num_inputs = self.sizes(x)
        by_rows = num_outputs <= max(num_inputs, _FEW)
        product = self._pull if by_rows else self._push
        slices = []
        for unit in np.eye(num_outputs if by_rows else num_inputs):
            vectors = np.broadcast_to(unit, (_length(x), len(unit)))
            slices.append(_on_arrays(product, x, vectors))
        return np.stack(slices, axis=1 if by_rows else 2)

    def norm_bounds(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Bound the largest singular value of J from both sides.

        For few outputs the whole matrix is decomposed, which takes fewer
        products than an iteration, and none in forward mode. Else Lanczos.

        Args:
            x: a batch.

        Returns:
            `(lower, upper)`, arrays of shape `(batch,)`. They differ by the
            rounding of float32, or by about 1e-3 if Lanczos was needed; see
            `largest_singular_values`.
        """
        num_outputs, num_inputs = self.sizes(x)
        if num_outputs <= _FEW:
            norm = np.linalg.svd(self.matrix(x), compute_uv=False)[:, 0]
            return norm, norm * (1 + ROUNDING)
        steps = [self._pull, self._push]
        if num_inputs < num_outputs:
            steps.reverse()

        def gram(vectors):
            for step in steps:
                vectors = _on_arrays(step, x, vectors)
            return vectors

        shape = (_length(x), min(num_outputs, num_inputs))
        return largest_singular_values(gram, shape)

    def sizes(self, x: Any) -> tuple[int, int]:
        """Count the outputs and inputs of one row.

        Args:
            x: a batch.

        Returns:
            `(outputs, inputs)`.
        """
        leaves = keras.tree.flatten(x)
        shapes = tuple(tuple(leaf.shape[1:]) for leaf in leaves)
        if shapes not in self._sizes:  # lengths may differ between batches
            point, fn = self._point_and_function(x)
            with discard_updates():
                outputs = flatten_rows(fn(point))
            self._check(ops.convert_to_numpy(outputs))
            leaves = keras.tree.flatten(point)
            num_inputs = sum(math.prod(leaf.shape[1:]) for leaf in leaves)
            self._sizes[shapes] = outputs.shape[1], num_inputs
        return self._sizes[shapes]

    def _pulled_back(self, x_and_vectors):
        """Return J^T u, `(batch, inputs)`."""
        x, vectors = x_and_vectors
        point, fn = self._point_and_function(x)
        outputs, _, pullback = backend.vjp(_without_updates(fn), point)
        return _wide(flatten_rows(pullback(ops.cast(vectors, outputs.dtype))))

    def _pushed_forward(self, x_and_vectors):
        """Return J v, `(batch, outputs)`."""
        x, vectors = x_and_vectors
        point, fn = self._point_and_function(x)
        _, _, pushforward = backend.linearize(_without_updates(fn), point)
        tangents, start = [], 0
        for leaf in keras.tree.flatten(point):
            stop = start + math.prod(leaf.shape[1:])
            part = ops.cast(vectors[:, start:stop], leaf.dtype)
            tangents.append(ops.reshape(part, ops.shape(leaf)))
            start = stop
        tangent = keras.tree.pack_sequence_as(point, tangents)
        return _wide(pushforward(tangent))


def _without_updates(fn):
    """Return `point -> (rows, None)`, the form that the backends take."""

    def rows(point):
        with discard_updates():  # measuring changes no model
            return flatten_rows(fn(point)), None

    return rows


def _on_arrays(product, x, vectors):
    """Apply a compiled product to float64 arrays."""
    vectors = ops.convert_to_tensor(vectors.astype(_vector_dtype(x)))
    return ops.convert_to_numpy(product((x, vectors))).astype("float64")


def _vector_dtype(x):
    dtypes = {
        keras.backend.standardize_dtype(leaf.dtype)
        for leaf in keras.tree.flatten(x)
    }
    return "float64" if "float64" in dtypes else "float32"


def _wide(x):
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


def _length(x):
    return len(keras.tree.flatten(x)[0])
