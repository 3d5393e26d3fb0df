"""An estimator that keeps the squared derivatives apart, input by input."""

import functools
import math

import keras
from keras import ops

from keras_gc import backend
from keras_gc.estimators import probes
from keras_gc.estimators.estimator import Estimator, flatten_rows
from keras_gc.estimators.seed_stream import seed_stream

# Exact up to this many Jacobian products per example; that is what a page can
# wait for. Beyond, each of the two estimates takes `_NUM_PROBES` of them.
_EXACT_UP_TO = 256
_NUM_PROBES = 16


class SquaredDerivatives(Estimator):
    """`s_j = sum_k (df_k / dx_j)^2` of each example, beside f and x.

    A row of the values holds f(x), x and s, one after the other. The sum of s
    is the squared norm of the example's Jacobian, and s costs what the norm
    costs: K products in reverse mode or d in forward mode.

    Above 256 of either, s is estimated twice from 16 random vectors each,
    `E (J^T v)_j^2 = s_j` for Rademacher v, and a row holds both.

    Args:
        scale: float, multiplies the derivatives before they are squared.
            Defaults to 1.
    """

    def __init__(self, scale=1.0):
        self.scale = scale
        self.mode = None  # "reverse", "forward" or "probes", once traced

    @property
    def is_exact(self):
        """Whether s is exact."""
        return self.mode != "probes"

    def build(self, num_outputs):
        """Note K.

        Args:
            num_outputs: K.
        """
        self.num_outputs = num_outputs

    def estimate(self, fn, x, seed):
        """Return `(aux, values)`; see `Estimator.estimate`."""
        self.shapes = [tuple(leaf.shape[1:]) for leaf in keras.tree.flatten(x)]
        self.num_inputs = sum(map(math.prod, self.shapes))
        if self.num_outputs <= _EXACT_UP_TO:
            self.mode = "reverse"
        elif self.num_inputs <= _EXACT_UP_TO:
            self.mode = "forward"
        else:
            self.mode = "probes"
        outputs, aux, squares = getattr(self, f"_{self.mode}")(fn, x, seed)
        self.output_shapes = [
            tuple(leaf.shape[1:]) for leaf in keras.tree.flatten(aux)
        ]
        parts = [outputs, flatten_rows(x), *squares]
        return aux, ops.concatenate(list(map(_wide, parts)), axis=1)

    def get_config(self):
        """Return the constructor's arguments."""
        return {"scale": self.scale}

    def __repr__(self):
        if self.is_exact:
            return "exact"
        return f"Rademacher, {2 * _NUM_PROBES} probes per example"

    def _reverse(self, fn, point, seed):
        outputs, aux, pullback = backend.vjp(fn, point)
        num_outputs = ops.shape(outputs)[1]

        def squares(index):
            unit = ops.one_hot(index, num_outputs, dtype="float32") * self.scale
            unit = ops.cast(unit, outputs.dtype)
            unit = ops.broadcast_to(unit[None], ops.shape(outputs))
            return ops.square(_wide(flatten_rows(pullback(unit))))

        return outputs, aux, [backend.accumulate(squares, num_outputs)]

    def _forward(self, fn, point, seed):
        outputs, aux = fn(point)
        _, _, pushforward = backend.linearize(fn, point)
        leaves = keras.tree.flatten(point)
        num_inputs = sum(math.prod(leaf.shape[1:]) for leaf in leaves)

        def squares(index):
            unit = ops.one_hot(index, num_inputs, dtype="float32")
            tangents, start = [], 0
            for leaf in leaves:
                size = math.prod(leaf.shape[1:])
                part = ops.cast(unit[start : start + size], leaf.dtype)
                row = ops.reshape(part, (1, *leaf.shape[1:]))
                tangents.append(ops.broadcast_to(row, ops.shape(leaf)))
                start += size
            tangent = keras.tree.pack_sequence_as(point, tangents)
            column = _wide(pushforward(tangent)) * self.scale
            return ops.sum(ops.square(column), axis=1)[:, None] * unit[None]

        return outputs, aux, [backend.accumulate(squares, num_inputs)]

    def _probes(self, fn, point, seed):
        outputs, aux, pullback = backend.vjp(fn, point)
        # Drawn before the loop: a loop must not change the seed's state.
        signs = probes.get("rademacher")(
            outputs, 2 * _NUM_PROBES, next(seed_stream(seed))
        )

        def squares(first, index):
            vector = ops.take(signs, first + index, axis=0) * self.scale
            vector = ops.cast(vector, outputs.dtype)
            return ops.square(_wide(flatten_rows(pullback(vector))))

        estimates = [
            backend.accumulate(functools.partial(squares, first), _NUM_PROBES)
            for first in (0, _NUM_PROBES)
        ]
        return outputs, aux, [total / _NUM_PROBES for total in estimates]


def _wide(x):
    name = keras.backend.standardize_dtype(x.dtype)
    return x if name == "float64" else ops.cast(x, "float32")
