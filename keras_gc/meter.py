"""Per-example squared Jacobian norms of one model, traced once."""

import functools
import math
import random
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import _validation, backend, estimators, keras_seam
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators import auto
from keras_gc.estimators.dynamic_range import find_factor, multiple
from keras_gc.estimators.estimator import check_rows, flatten_rows
from keras_gc.logits import LogitNetwork, input_dtype
from keras_gc.logits.evaluation_point import (
    has_fixed_batch,
    input_structure,
)
from keras_gc.logits.facts import Facts, as_facts, check_facts
from keras_gc.logits.input_scale import InputScale, in_units
from keras_gc.logits.trusted_derivatives import check_differences


class Meter:
    """Measures batches of one model; the model is not changed.

    Where the model draws random numbers in inference (Monte-Carlo dropout),
    each batch gets fresh ones, which `seed` makes repeatable.

    Args:
        model: `keras.Model`, built.
        estimator: `"auto"`, a name or an `Estimator`, of which a copy is
            used. Defaults to `"auto"`.
        inputs: str or list of str, names of layers to measure from. Defaults
            to the model's inputs.
        outputs: str, name of a layer to measure to. Defaults to the logits.
        seed: int, makes the values repeatable. Defaults to None.
        input_scale: units of the inputs, as `geometric_complexity` takes
            them. Defaults to None.
    """

    def __init__(
        self,
        model: keras.Model,
        estimator: Any = "auto",
        inputs: Any = None,
        outputs: str | None = None,
        seed: int | None = None,
        input_scale: Any = None,
    ):
        seed = _validation.seed("seed", seed)
        self.network = LogitNetwork(model, inputs, outputs)
        self.scale = None if input_scale is None else InputScale(input_scale)
        self.estimator: Any = None
        if not _validation.is_auto(estimator):
            # A copy: its state is this meter's own.
            self.estimator = estimators.get(estimator).copy()
        self.seed = keras.random.SeedGenerator(seed)
        self.dtype = input_dtype(model)
        # What the model's inputs look like, where it has a graph.
        self.inputs = input_structure(model)
        self._framework_seeds = _seed_stream(seed)
        self._noise = _own_seed_states(model, seed)
        self._values: Any = None
        self._factor = 1.0

    def __call__(self, x: Any) -> np.ndarray:
        """Measure one batch.

        Args:
            x: the model's input, tensors.

        Returns:
            numpy array `(batch,)`, float64.
        """
        with backend.seeded(next(self._framework_seeds)):
            if self._values is None:
                values = self._prepare(x)
            else:
                values = ops.convert_to_numpy(self._values(x))
        return values.astype("float64") / self._factor**2

    @property
    def estimator_name(self) -> str:
        """What the values come from, for a reader."""
        return "exact" if self.estimator.is_exact else repr(self.estimator)

    def _prepare(self, x):
        """Check the first batch, choose the estimator, trace and measure."""
        network = self.network
        loss = getattr(network.model, "loss", None)
        facts = as_facts(ops.convert_to_numpy(Facts.of(network, x).stack()))
        check_facts(facts, network, loss)
        point = network.point(x)
        with discard_updates():
            rows = flatten_rows(network(point, x)[0])
        check_rows(rows, point)
        if self.estimator is None:
            self.estimator = auto.for_measuring(
                rows.shape[1], _row_size(point), _has_fixed_shapes(network)
            )
        check_differences(network.model, self.estimator)
        self.estimator.build(rows.shape[1])
        measured = {}  # by factor

        def values_of(factor):
            if factor not in measured:
                self._trace(factor)
                measured[factor] = ops.convert_to_numpy(self._values(x))
            return measured[factor]

        factor = find_factor(values_of)
        if factor != self._factor:  # no factor helped: back to 1
            self._trace(factor)
        return values_of(factor)

    def _trace(self, factor):
        """Trace the measurement of `factor * f`, for a GC beyond float32."""
        self._factor = factor
        self._values = backend.compiled(
            self._measure,
            constants=self.network.model.variables,
            state=self._state,
            any_batch_size=not has_fixed_batch(self.network.model),
        )

    @property
    def _state(self):
        """The variables that measuring changes: none of the model's."""
        own = [own for _, own in self._noise]
        return [*self.estimator.variables, self.seed.state, *own]

    def _measure(self, x):
        noise = [(variable, own.value) for variable, own in self._noise]
        with discard_updates(noise) as scope:
            logits = functools.partial(self._logits, x)
            fn, point = in_units(self.scale, self.network, logits, x)
            _, values = self.estimator(fn, point, self.seed)
        for variable in (*self.estimator.variables, self.seed.state):
            variable.assign(scope.get_current_value(variable))
        for variable, own in self._noise:
            own.assign(scope.get_current_value(variable))
        return values

    def _logits(self, x, point):
        logits = self.network(point, x)[0]
        return logits if self._factor == 1 else multiple(self._factor, logits)


def _row_size(point):
    return sum(math.prod(leaf.shape[1:]) for leaf in keras.tree.flatten(point))


def _has_fixed_shapes(network):
    """Return whether no shape is open but for the batch."""
    model = network.model
    tensors = [
        *(getattr(model, "inputs", None) or ()),
        *(getattr(model, "outputs", None) or ()),
    ]
    return all(None not in tensor.shape[1:] for tensor in tensors)


def _own_seed_states(model, seed):
    """Return pairs: a seed state of the model, and a variable in its place."""
    draw = random.Random(seed)
    return [
        (
            state,
            keras.Variable(
                np.array([draw.randrange(2**31), 0], state.dtype),
                dtype=state.dtype,
                trainable=False,
                name="seed_state",
            ),
        )
        for state in keras_seam.seed_states(model)
    ]


def _seed_stream(seed):
    """Yield a seed for each batch, for the framework's own generator."""
    draw = random.Random(seed)
    while True:
        yield None if seed is None else draw.randrange(2**31)
