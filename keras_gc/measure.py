"""Geometric complexity of any Keras model over any data."""

import dataclasses
import functools
import math

import keras
import numpy as np
from keras import ops

from keras_gc import _validation, backend, estimators
from keras_gc.backend.scope import discard_updates
from keras_gc.batches import batches_of
from keras_gc.logits import LogitNetwork, check_not_probabilities

# `estimator="auto"` measures exactly up to this many Jacobian products.
_EXACT_UP_TO = 32
# `rtol` is not believed before this many examples.
_FEWEST_EXAMPLES = 64


@dataclasses.dataclass(frozen=True)
class GCEstimate:
    """A measured geometric complexity.

    Attributes:
        value: mean over the examples of the squared Frobenius norm of the
            logits' Jacobian, in (logit / input unit)^2.
        standard_error: of `value` as an estimate of the expectation over the
            distribution that the examples come from; includes the noise of a
            stochastic estimator. NaN for a single example.
        num_examples: number of examples measured.
        estimator: name of the estimator.
    """

    value: float
    standard_error: float
    num_examples: int
    estimator: str

    def __float__(self):
        return self.value

    def __str__(self):
        examples = "example" if self.num_examples == 1 else "examples"
        return (
            f"GC = {self.value:.4g} ± {self.standard_error:.2g} "
            f"({self.num_examples} {examples}, {self.estimator})"
        )


def geometric_complexity(
    model,
    x,
    *,
    estimator="auto",
    inputs=None,
    outputs=None,
    batch_size=32,
    rtol=None,
    seed=None,
    verbose=0,
) -> GCEstimate:
    """Measure the geometric complexity of a model over data.

        GC(f, D) = (1 / |D|) sum_{x in D} ||J(x)||_F^2,   J = d f / d x,

    with f the logit network: a softmax or sigmoid at the end of the model is
    stepped over. The model runs in inference mode and is not changed.

    Units: (logit / input unit)^2. Inputs scaled by a give GC times a^2, so
    state the scaling of the inputs with each value.

    Args:
        model: any built `keras.Model`.
        x: array, list or dict of arrays, `tf.data.Dataset`, `PyDataset`,
            torch `DataLoader` or other iterable of batches, where a tuple is
            `(x, y)` or `(x, y, sample_weight)` and only x is used.
        estimator: `"auto"`, a name, or a `keras_gc.estimators.Estimator`,
            of which a copy is used. `"auto"` measures exactly where that
            takes at most 32 Jacobian products per example, else samples
            outputs.
        inputs: name of a layer whose output is taken for x: the embedding of
            a token model. Or of one of several inputs. Defaults to the
            model's inputs.
        outputs: name of a layer whose output is taken for f (embedding GC).
            Defaults to the logits.
        batch_size: int, examples at a time, for arrays. Defaults to 32. Not
            more than one batch is in memory.
        rtol: float > 0. Stop as soon as the standard error is below
            `rtol * value` (not before 64 examples). Arrays are then visited in
            random order; other data must come shuffled, for the first part to
            stand for the whole. Defaults to None: all of the data.
        seed: int, makes the result repeatable. Defaults to None.
        verbose: 1 shows a progress bar. Defaults to 0.

    Returns:
        A `GCEstimate`; `float(...)` of it is its value.

    Raises:
        TypeError: for inputs that have no derivative (integers, strings,
            ragged or sparse tensors) or arguments of a wrong type.
        ValueError: if the model is not built, there are no data, a name is
            unknown, the outputs are probabilities or do not depend on the
            inputs, or an argument is out of its range.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> layer = keras.layers.Dense(2, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((3,)), layer])
    >>> print(keras_gc.geometric_complexity(model, np.ones((10, 3))))
    GC = 6 ± 0 (10 examples, exact)

    Reference: Dherin et al. 2022 (arXiv 2209.13083), Definition 3.1.
    """
    if rtol is not None:
        rtol = _validation.number("rtol", rtol, minimum=0.0, exclusive=True)
    meter = Meter(model, estimator, inputs, outputs, seed)
    batches = batches_of(
        x, meter.dtype, batch_size, shuffle=rtol is not None, seed=seed
    )
    parts = []
    for batch in _with_progress(batches, verbose):
        parts.append(meter(batch))
        if rtol is not None and _is_precise(np.concatenate(parts), rtol):
            break
    values = np.concatenate(parts)
    return GCEstimate(
        value=float(np.mean(values)),
        standard_error=_standard_error(values),
        num_examples=len(values),
        estimator=meter.estimator_name,
    )


def jacobian_norms(
    model,
    x,
    *,
    estimator="auto",
    inputs=None,
    outputs=None,
    batch_size=32,
    seed=None,
    verbose=0,
) -> np.ndarray:
    """Measure the squared Frobenius norm of the Jacobian at each example.

    Their mean is the geometric complexity; see `geometric_complexity` for the
    arguments, units and errors.

    Args:
        model: any built `keras.Model`.
        x: the data.
        estimator: `"auto"`, a name or an `Estimator`.
        inputs: name of a layer to measure from.
        outputs: name of a layer to measure to.
        batch_size: int, examples at a time, for arrays.
        seed: int, makes the result repeatable.
        verbose: 1 shows a progress bar.

    Returns:
        numpy array `(num_examples,)`, in the order of the data.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> square = keras.layers.Lambda(lambda x: x**2 / 2)
    >>> model = keras.Sequential([keras.Input((2,)), square])
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> keras_gc.jacobian_norms(model, x).tolist()  # J = diag(x)
    [5.0, 25.0]
    """
    meter = Meter(model, estimator, inputs, outputs, seed)
    batches = batches_of(x, meter.dtype, batch_size)
    return np.concatenate([meter(b) for b in _with_progress(batches, verbose)])


class Meter:
    """Per-example squared Jacobian norms of one model, traced once.

    Args:
        model: a built `keras.Model`.
        estimator: `"auto"`, a name or an `Estimator`.
        inputs: name of a layer to measure from.
        outputs: name of a layer to measure to.
        seed: int or None.
    """

    def __init__(
        self, model, estimator="auto", inputs=None, outputs=None, seed=None
    ):
        self.network = LogitNetwork(model, inputs, outputs)
        check_built(model)
        self.estimator = None
        if estimator != "auto":  # a copy: its state is this meter's own
            given = estimators.get(estimator)
            self.estimator = type(given).from_config(given.get_config())
        self.seed = keras.random.SeedGenerator(seed)
        self.dtype = input_dtype(model)
        self._values = None

    def __call__(self, x):
        """Measure one batch.

        Args:
            x: the model's input, tensors.

        Returns:
            numpy array `(batch,)`, float64.
        """
        if self._values is None:
            self._prepare(x)
        return ops.convert_to_numpy(self._values(x)).astype("float64")

    @property
    def estimator_name(self):
        """What the values come from, for a reader."""
        return "exact" if self.estimator.is_exact else repr(self.estimator)

    def _prepare(self, x):
        """Choose the estimator and check the outputs on the first batch."""
        network = self.network
        point = network.point(x)
        with discard_updates():
            outputs, _ = network(point, x)
        if network.outputs is None:  # who names a layer means its output
            for leaf in keras.tree.flatten(outputs):
                check_not_probabilities(ops.convert_to_numpy(leaf))
        rows = estimators.estimator.flatten_rows(outputs)
        estimators.estimator.check_rows(rows, point)
        num_outputs = ops.shape(rows)[1]
        if self.estimator is None:
            num_inputs = sum(
                math.prod(leaf.shape[1:]) for leaf in keras.tree.flatten(point)
            )
            self.estimator = choose(num_outputs, num_inputs)
        self.estimator.build(num_outputs)

        def logits(x, point):
            with discard_updates():  # measuring changes no model
                return network(point, x)[0]

        def values(x):
            fn = functools.partial(logits, x)
            return self.estimator(fn, network.point(x), self.seed)[1]

        if not self.estimator.differentiates:
            check_connected(functools.partial(logits, x), point)

        self._values = backend.compiled(
            values,
            constants=network.model.variables,
            state=[*self.estimator.variables, self.seed.state],
        )


def check_connected(fn, point):
    """Raise if there is no derivative, where differences would give 0.

    Args:
        fn: function from a structure of tensors to outputs.
        point: the structure.
    """
    rows, _, pullback = backend.vjp(
        lambda point: (estimators.estimator.flatten_rows(fn(point)), None),
        point,
    )
    pullback(ops.ones_like(rows))


def choose(num_outputs, num_inputs):
    """Return the estimator that `"auto"` stands for when measuring.

    Args:
        num_outputs: K, outputs per example.
        num_inputs: d, inputs per example.

    Returns:
        An `Estimator`.
    """
    if num_outputs <= min(num_inputs, _EXACT_UP_TO):
        return estimators.ExactReverse()
    if num_inputs <= _EXACT_UP_TO:
        return estimators.ExactForward()
    return estimators.SampledOutputs()


def input_dtype(model):
    """Return the dtype in which a model takes real inputs.

    Args:
        model: a `keras.Model`.

    Returns:
        str.
    """
    for tensor in getattr(model, "inputs", None) or ():
        if "float" in tensor.dtype:
            return tensor.dtype
    return model.variable_dtype


def check_built(model):
    """Raise if a model has no weights yet.

    Args:
        model: a `keras.Model`.

    Raises:
        ValueError: if it is not built.
    """
    if not model.built:
        raise ValueError(
            "The model must be built before its geometric complexity can be "
            f"measured. Received: model '{model.name}' (of type "
            f"{type(model).__name__}), which is not. Call it on a batch of "
            "data once, or give it a `keras.Input`."
        )


def _with_progress(batches, verbose):
    return _progress(batches) if verbose else batches


def _progress(batches):
    bar, done = keras.utils.Progbar(None, unit_name="batch"), 0
    try:
        for batch in batches:
            yield batch
            done += 1
            bar.update(done)
    finally:  # also where `rtol` is reached
        bar.update(done, finalize=True)


def _standard_error(values):
    if len(values) < 2:
        return math.nan
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))


def _is_precise(values, rtol):
    return len(values) >= _FEWEST_EXAMPLES and (
        _standard_error(values) <= rtol * np.mean(values)
    )
