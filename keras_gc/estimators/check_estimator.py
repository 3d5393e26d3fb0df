"""Check of any estimator against the law of estimators."""

import json
import numbers
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import backend
from keras_gc.estimators.serialization import get

_OUTPUTS, _INPUTS = 3, 4
_REPEATS, _CALLS = 256, 20  # of each point in a batch; of the batch
# By chance the mean of 20 is this many standard errors away once in 10^5.
_STANDARD_ERRORS = 6
# What float32 may round off; how far a biased estimator may be off.
_ROUNDING, _BIAS = 1e-3, 0.1


def check_estimator(estimator: Any) -> None:
    """Check that an estimator keeps the law of `Estimator`.

    The estimator is run on a small network whose Jacobian is known in closed
    form. Checked are

    - the shape and dtype of the values,
    - that the function's own outputs come back,
    - that values and weight gradients are exact (to rounding) where
      `is_exact`, and right in the mean (within 6 standard errors of 20 calls
      on a batch of 2,048) where `is_unbiased`,
    - that the same seed gives the same values,
    - that eager and compiled code agree,
    - that the config makes the same estimator again.

    Takes some seconds.

    Args:
        estimator: an `Estimator`, its class, name or config. A copy of it is
            used.

    Raises:
        ValueError: if a law is broken; the message says which, what was
            expected and what was received.

    Example:
    >>> import keras_gc
    >>> keras_gc.estimators.check_estimator("exact_reverse")
    """
    estimator = get(estimator)
    _check_config(estimator)
    _check_passes(estimator)
    network = _Network()
    _check_outputs(estimator, network)
    _check_values(estimator, network)
    _check_seed(estimator, network)
    _check_compiled(estimator, network)
    _check_means(estimator, network)


class _Network:
    """`tanh(x A) B`, with its GC and the gradient of it, known exactly."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.hidden = rng.normal(size=(_INPUTS, 5))
        self.head = rng.normal(size=(5, _OUTPUTS))
        self.x = rng.normal(size=(8, _INPUTS)).astype("float32")
        self.kernel = keras.Variable(self.hidden.astype("float32"))

    def __call__(self, x):
        hidden = ops.tanh(ops.matmul(x, self.kernel))
        return ops.matmul(hidden, ops.cast(self.head, "float32"))

    def norms(self, hidden=None):
        """Return the squared Jacobian norm at each point, float64."""
        hidden = self.hidden if hidden is None else hidden
        slope = 1 - np.tanh(self.x.astype("float64") @ hidden) ** 2
        jacobian = np.einsum("ih,bh,hk->bki", hidden, slope, self.head)
        return np.sum(jacobian**2, axis=(1, 2))

    def gradient(self, step=1e-5):
        """Return the gradient of the mean norm, `(_INPUTS, 5)`."""
        gradient = np.zeros_like(self.hidden)
        for index in np.ndindex(*gradient.shape):
            move = np.zeros_like(gradient)
            move[index] = step
            ahead = self.norms(self.hidden + move).mean()
            behind = self.norms(self.hidden - move).mean()
            gradient[index] = (ahead - behind) / (2 * step)
        return gradient


def _fail(estimator, law, received):
    raise ValueError(
        f"{estimator!r} breaks the law of estimators: {law}. Received: "
        f"{received}"
    )


def _copy(estimator):
    """Return a fresh estimator, built, without the state of another run."""
    copy = type(estimator).from_config(estimator.get_config())
    copy.build(_OUTPUTS)
    return copy


def _check_config(estimator):
    law = "`get_config` returns the constructor's arguments as JSON values"
    config = estimator.get_config()
    try:
        again = type(estimator).from_config(json.loads(json.dumps(config)))
    except (TypeError, ValueError) as error:
        _fail(estimator, law, f"{config}, which raised: {error}")
    if again.get_config() != config:
        _fail(estimator, law, f"{config}, then {again.get_config()}")


def _check_passes(estimator):
    passes = estimator.num_passes(_OUTPUTS, _INPUTS)
    if not isinstance(passes, numbers.Integral) or passes < 1:
        _fail(estimator, "`num_passes` is an int >= 1", f"{passes!r}")


def _check_outputs(estimator, network):
    expected = ops.convert_to_numpy(network(network.x))

    def with_aux(x):
        return network(x), "aux"

    outputs, _ = _copy(estimator)(network, network.x, 7)
    with_it, _ = _copy(estimator)(with_aux, network.x, 7, has_aux=True)
    same = [
        np.allclose(ops.convert_to_numpy(received), expected, rtol=1e-4)
        for received in (outputs, with_it[0])
    ]
    if not all(same) or with_it[1] != "aux":
        _fail(
            estimator,
            "what the function returned comes back as it was",
            f"outputs that differ for has_aux={[False, True][same[0]]}",
        )


def _check_values(estimator, network):
    _, values = _copy(estimator)(network, network.x, 7)
    shape = tuple(values.shape)
    dtype = keras.backend.standardize_dtype(values.dtype)
    if shape != (len(network.x),) or dtype not in {"float32", "float64"}:
        _fail(
            estimator,
            "values have the shape (batch,) and dtype float32 or float64, and "
            "are not reduced",
            f"shape {shape}, dtype {dtype} for {len(network.x)} examples",
        )
    values = ops.convert_to_numpy(values)
    if not np.isfinite(values).all():
        _fail(estimator, "values are finite", f"{values}")


def _check_seed(estimator, network):
    first, again, other = (
        ops.convert_to_numpy(_copy(estimator)(network, network.x, seed)[1])
        for seed in (1, 1, 2)
    )
    if not np.array_equal(first, again):
        law = "the same seed gives the same values"
        _fail(estimator, law, f"{first}, then {again}")
    if estimator.is_exact and not np.array_equal(first, other):
        law = "with `is_exact` values do not depend on the seed"
        _fail(estimator, law, f"{first}, then {other}")


def _check_compiled(estimator, network):
    eager, traced = _copy(estimator), _copy(estimator)
    expected = ops.convert_to_numpy(eager(network, network.x, 7)[1])
    run = backend.compiled(
        lambda x: traced(network, x, 7)[1], [network.kernel], traced.variables
    )
    values = ops.convert_to_numpy(run(ops.convert_to_tensor(network.x)))
    if not np.allclose(values, expected, rtol=1e-2):
        law = "eager and compiled code give the same values"
        _fail(estimator, law, f"{expected} and {values}")


def _check_means(estimator, network):
    """Compare values and their weight gradient with the exact ones."""
    copy = _copy(estimator)
    seed = keras.random.SeedGenerator(3)

    def objective_of(x):
        _, values = copy(network, x, seed)
        # The kernel is added so that a gradient exists where values have none.
        return ops.mean(values) + 0.0 * ops.sum(network.kernel), values

    run = backend.compiled(
        lambda x: backend.value_and_gradients(
            lambda: objective_of(x), [network.kernel]
        )[1:],
        [network.kernel],
        [*copy.variables, seed.state],
    )
    x = ops.convert_to_tensor(np.tile(network.x, (_REPEATS, 1)))
    values, gradients = [], []
    for _ in range(_CALLS):
        per_example, (gradient,) = run(x)
        per_example = ops.convert_to_numpy(per_example).astype("float64")
        values.append(per_example.reshape(_REPEATS, -1).mean(axis=0))
        gradients.append(ops.convert_to_numpy(gradient).astype("float64"))
    if estimator.is_exact:
        law, tolerance = "with `is_exact` {} are exact", _ROUNDING
    elif estimator.is_unbiased:
        law = "with `is_unbiased` {} are right in the mean"
        tolerance = _ROUNDING
    else:
        law, tolerance = "{} are right to 10% in the mean", _BIAS
    for name, samples, expected in (
        ("values", values, network.norms()),
        ("gradients in the weights", gradients, network.gradient()),
    ):
        mean, size = np.mean(samples, axis=0), np.abs(expected).max()
        error = np.std(samples, axis=0, ddof=1) / np.sqrt(_CALLS)
        if estimator.is_exact:
            error = 0.0
        allowed = _STANDARD_ERRORS * error + tolerance * size
        if not (np.abs(mean - expected) <= allowed).all():
            _fail(
                estimator,
                law.format(name),
                f"{np.round(mean, 4).tolist()} instead of "
                f"{np.round(expected, 4).tolist()}",
            )
