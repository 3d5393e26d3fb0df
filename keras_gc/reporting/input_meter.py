"""Squared derivatives of f in each entry of the inputs, in one pass."""

import functools
import math

import keras
from keras import ops

from keras_gc import backend
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators import probes
from keras_gc.estimators.estimator import check_rows, flatten_rows
from keras_gc.logits import LogitNetwork, check_not_probabilities
from keras_gc.measure import check_built, input_dtype

# Exact up to this many Jacobian products per example; that is what a page can
# wait for. Beyond, each of the two estimates takes `_NUM_PROBES` of them.
_EXACT_UP_TO = 256
_NUM_PROBES = 16


class InputMeter:
    """`s_j = sum_k (df_k / dx_j)^2` at each example, traced once.

    Their sum over j is the squared Frobenius norm of the example's Jacobian,
    their mean over the examples shows where GC comes from; both cost what the
    norm alone costs, K products in reverse mode or d in forward mode.

    Above 256 of either, `s_j` is estimated twice from 16 random vectors each,
    `E (J^T v)_j^2 = s_j` for Rademacher v. How well the two agree says what a
    ranking by one of them is worth.

    Args:
        model: a built `keras.Model`.
        inputs: name of a layer to measure from, or None.
        outputs: name of a layer to measure to, or None.
        seed: int or None.
    """

    def __init__(self, model, inputs=None, outputs=None, seed=None):
        self.network = LogitNetwork(model, inputs, outputs)
        check_built(model)
        self.dtype = input_dtype(model)
        self.mode = None  # "reverse", "forward" or "probes", once it has run
        self._seed = keras.random.SeedGenerator(seed)
        self._compiled = None

    @property
    def is_exact(self):
        """Whether the values are exact."""
        return self.mode != "probes"

    @property
    def estimator_name(self):
        """What the values come from, for a reader."""
        if self.is_exact:
            return "exact"
        return f"Rademacher, {2 * _NUM_PROBES} probes per example"

    def __call__(self, x, scale=1.0):
        """Measure one batch.

        Args:
            x: the model's input, tensors.
            scale: power of two that multiplies the derivatives before they
                are squared; the results are not divided by it.

        Returns:
            `(outputs, point, squares)`: numpy arrays `(batch, K)`,
            `(batch, d)` and `(1 or 2, batch, d)`, float64; two of the last
            where they are estimated.
        """
        if self._compiled is None:
            self._prepare(x)
        scale = ops.convert_to_tensor([scale], dtype="float32")
        results = self._compiled((x, scale))
        return [ops.convert_to_numpy(r).astype("float64") for r in results]

    def _prepare(self, x):
        network = self.network
        point = network.point(x)
        with discard_updates():
            outputs, _ = network(point, x)
        if network.outputs is None:  # who names a layer means its output
            for leaf in keras.tree.flatten(outputs):
                check_not_probabilities(ops.convert_to_numpy(leaf))
        self.output_shapes = _row_shapes(outputs)
        self.point = keras.tree.map_structure(lambda p: p[:1], point)
        rows = flatten_rows(outputs)
        check_rows(rows, point)
        num_inputs = sum(map(math.prod, _row_shapes(point)))
        if rows.shape[1] <= _EXACT_UP_TO:
            self.mode = "reverse"
        elif num_inputs <= _EXACT_UP_TO:
            self.mode = "forward"
        else:
            self.mode = "probes"
        self._compiled = backend.compiled(
            lambda x_and_scale: self._measure(*x_and_scale),
            constants=network.model.variables,
            state=[self._seed.state],
        )

    def _measure(self, x, scale):
        def rows(point):
            with discard_updates():  # measuring changes no model
                return flatten_rows(self.network(point, x)[0]), None

        point = self.network.point(x)
        measure = getattr(self, f"_{self.mode}")
        outputs, squares = measure(rows, point, scale)
        return _wide(outputs), _wide(flatten_rows(point)), squares

    def _reverse(self, fn, point, scale):
        outputs, _, pullback = backend.vjp(fn, point)
        num_outputs = ops.shape(outputs)[1]

        def squares(index):
            unit = ops.one_hot(index, num_outputs, dtype="float32") * scale
            unit = ops.cast(unit, outputs.dtype)
            unit = ops.broadcast_to(unit[None], ops.shape(outputs))
            return ops.square(_wide(flatten_rows(pullback(unit))))

        return outputs, backend.accumulate(squares, num_outputs)[None]

    def _forward(self, fn, point, scale):
        outputs, _ = fn(point)
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
            column = _wide(pushforward(tangent)) * scale
            return ops.sum(ops.square(column), axis=1)[:, None] * unit[None]

        return outputs, backend.accumulate(squares, num_inputs)[None]

    def _probes(self, fn, point, scale):
        outputs, _, pullback = backend.vjp(fn, point)
        shape = ops.shape(outputs)
        # Drawn before the loop: a loop must not change the seed's state.
        signs = probes.get("rademacher")(
            (2 * _NUM_PROBES * shape[0], shape[1]),
            next(probes.successive(self._seed)),
        )
        signs = ops.reshape(signs, (2 * _NUM_PROBES, *shape))

        def squares(first, index):
            vector = ops.take(signs, first + index, axis=0) * scale
            vector = ops.cast(vector, outputs.dtype)
            return ops.square(_wide(flatten_rows(pullback(vector))))

        estimates = [
            backend.accumulate(functools.partial(squares, first), _NUM_PROBES)
            for first in (0, _NUM_PROBES)
        ]
        return outputs, ops.stack(estimates) / _NUM_PROBES


def _row_shapes(structure):
    return [tuple(leaf.shape[1:]) for leaf in keras.tree.flatten(structure)]


def _wide(x):
    name = keras.backend.standardize_dtype(x.dtype)
    return x if name == "float64" else ops.cast(x, "float32")
