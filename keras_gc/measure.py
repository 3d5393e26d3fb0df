"""Geometric complexity of any Keras model over any data."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_gc import _validation
from keras_gc.batches import batches_of, check_ends
from keras_gc.meter import Meter

# With fewer examples the standard error itself is too uncertain for `rtol`.
_FEWEST_EXAMPLES = 64


@dataclasses.dataclass(frozen=True)
class GCEstimate:
    """A measured geometric complexity.

    It acts as a number in `float(estimate)`, `f"{estimate:.3f}"` and
    `estimate_1 < estimate_2`. `pandas.DataFrame([estimate_1, estimate_2])` has
    a column for each attribute.

    Attributes:
        value: mean over the examples of the squared Frobenius norm of the
            logits' Jacobian, in (logit / input unit)^2.
        standard_error: standard error of `value` as an estimate of the
            expectation over the distribution that the examples come from. It
            includes the noise of a stochastic estimator. NaN for a single
            example.
        num_examples: number of examples measured.
        estimator: name of the estimator.

    Example:
    >>> import keras_gc
    >>> estimate = keras_gc.GCEstimate(12.345, 0.5, 100, "exact")
    >>> f"{estimate:.1f}"
    '12.3'
    >>> estimate < 13
    True
    """

    value: float
    standard_error: float
    num_examples: int
    estimator: str

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        examples = "example" if self.num_examples == 1 else "examples"
        return (
            f"GC = {self.value:.4g} ± {self.standard_error:.2g} "
            f"({self.num_examples} {examples}, {self.estimator})"
        )

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else str(self)

    def __lt__(self, other: Any) -> bool:
        return self.value < float(other)

    def __le__(self, other: Any) -> bool:
        return self.value <= float(other)

    def __gt__(self, other: Any) -> bool:
        return self.value > float(other)

    def __ge__(self, other: Any) -> bool:
        return self.value >= float(other)


def geometric_complexity(
    model: keras.Model,
    x: Any,
    *,
    estimator: Any = "auto",
    inputs: str | Sequence[str] | None = None,
    outputs: str | None = None,
    input_scale: Any = None,
    batch_size: int = 32,
    rtol: float | None = None,
    seed: int | None = None,
    verbose: int = 0,
) -> GCEstimate:
    """Measure the geometric complexity of a model over data.

        GC(f, D) = (1 / |D|) sum_{x in D} ||J(x)||_F^2,   J = d f / d x,

    with f the logit network: a softmax or sigmoid at the end of the model is
    stepped over. The model runs in inference mode and is not changed.

    Units: (logit / input unit)^2. GC depends on the unit of the inputs: the
    same function of inputs that are multiplied by a (0 to 255 instead of 0 to
    1: a = 255) has GC divided by a^2. State the range of your inputs with
    each value.

    Outputs at masked positions do not count, so padding changes nothing.
    Inputs that are not real numbers (class ids, strings, tokens next to real
    inputs) are passed to the model, but not differentiated with respect to.
    Integers fed to a floating `keras.Input` are cast as Keras casts them, and
    the derivative is that with respect to the result. Where the model draws
    random numbers in inference, GC is the expectation over them: each batch
    gets fresh ones, which `seed` makes repeatable.

    Args:
        model: `keras.Model`, built.
        x: array, list or dict of arrays, `tf.data.Dataset`, `PyDataset`,
            torch `DataLoader` or other iterable of batches, where a tuple is
            `(x, y)` or `(x, y, sample_weight)` and only x is used.
        estimator: `"auto"`, a name, or a `keras_gc.estimators.Estimator`,
            of which a copy is used. `"auto"` measures exactly where that
            takes at most 32 Jacobian products per example, else samples
            outputs. Defaults to `"auto"`.
        inputs: str or list of str, names of layers at whose outputs the
            Jacobian is taken (for token models the embedding), or of some of
            the model's several inputs. Defaults to all real inputs.
        outputs: str, name of a layer whose output is taken for f (embedding
            GC). Defaults to the logits.
        input_scale: number or array that broadcasts against the shape of one
            example, or a list or dict of them like the inputs: the unit s in
            which inputs are counted, so that GC is that with respect to
            x / s. With the standard deviation of each column, `x.std(0)`, GC
            has no units of inputs; where it is 0, a column is left out.
            Defaults to None: inputs as they come.
        batch_size: int, examples at a time, for arrays. At most one batch is
            in memory. Defaults to 32.
        rtol: float in (0, 1), stop as soon as the standard error is below
            `rtol * value`, after 64 examples or more. Arrays are then visited
            in random order; other data must come shuffled, so that the first
            part is representative. Defaults to None: all of the data.
        seed: int, makes the result repeatable. Defaults to None.
        verbose: int, 1 shows a progress bar. Defaults to 0.

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
        rtol = _validation.number(
            "rtol", rtol, minimum=0.0, maximum=1.0, exclusive=True
        )
    else:
        check_ends(x)
    meter = Meter(model, estimator, inputs, outputs, seed, input_scale)
    batches = batches_of(
        x,
        meter.dtype,
        batch_size,
        inputs=meter.inputs,
        shuffle=rtol is not None,
        seed=seed,
    )
    moments = _Moments()
    for batch in _with_progress(batches, verbose):
        moments.add(meter(batch))
        if rtol is not None and moments.is_precise(rtol):
            break
    return GCEstimate(
        value=moments.mean,
        standard_error=moments.standard_error,
        num_examples=moments.count,
        estimator=meter.estimator_name,
    )


def jacobian_norms(
    model: keras.Model,
    x: Any,
    *,
    estimator: Any = "auto",
    inputs: str | Sequence[str] | None = None,
    outputs: str | None = None,
    input_scale: Any = None,
    batch_size: int = 32,
    seed: int | None = None,
    verbose: int = 0,
) -> np.ndarray:
    """Return ||J(x)||_F^2, the *squared* norm, for each example.

    Their mean is the geometric complexity; see `geometric_complexity` for
    units and errors.

    With `estimator="auto"` and more than 32 outputs (and inputs) each value is
    an estimate from a single random draw: right on average, useless for
    ranking examples. Pass `estimator="exact_reverse"` to rank.

    Args:
        model: `keras.Model`, built.
        x: the data, as in `geometric_complexity`.
        estimator: `"auto"`, a name or an `Estimator`. Defaults to `"auto"`.
        inputs: str or list of str, layers to measure from. Defaults to the
            model's inputs.
        outputs: str, a layer to measure to. Defaults to the logits.
        input_scale: units of the inputs, as in `geometric_complexity`.
            Defaults to None.
        batch_size: int, examples at a time, for arrays. Defaults to 32.
        seed: int, makes the result repeatable. Defaults to None.
        verbose: int, 1 shows a progress bar. Defaults to 0.

    Returns:
        numpy array `(num_examples,)`, in the order of the data, in
        (logit / input unit)^2.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> square = keras.layers.Lambda(lambda x: x**2 / 2)
    >>> model = keras.Sequential([keras.Input((2,)), square])
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> keras_gc.jacobian_norms(model, x).tolist()  # J = diag(x)
    [5.0, 25.0]
    """
    check_ends(x)
    meter = Meter(model, estimator, inputs, outputs, seed, input_scale)
    batches = batches_of(x, meter.dtype, batch_size, inputs=meter.inputs)
    return np.concatenate([meter(b) for b in _with_progress(batches, verbose)])


def _with_progress(batches, verbose):
    return _progress(batches) if _validation.verbosity(verbose) else batches


def _progress(batches):
    bar, done = keras.utils.Progbar(None, unit_name="batch"), 0
    try:
        for batch in batches:
            yield batch
            done += 1
            bar.update(done)
    finally:  # also where `rtol` is reached
        bar.update(done, finalize=True)


class _Moments:
    """Running mean and standard error of numbers that come in parts."""

    def __init__(self):
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0  # sum of squared distances from the mean

    def add(self, values):
        """Take in a part (Chan, Golub, LeVeque 1983)."""
        count, mean = len(values), float(np.mean(values))
        distance = mean - self.mean
        total = self.count + count
        self._squares += float(np.sum((values - mean) ** 2))
        self._squares += distance**2 * self.count * count / total
        self.mean += distance * count / total
        self.count = total

    @property
    def standard_error(self):
        if self.count < 2:
            return math.nan
        return math.sqrt(self._squares / (self.count - 1) / self.count)

    def is_precise(self, rtol):
        return self.count >= _FEWEST_EXAMPLES and (
            self.standard_error <= rtol * self.mean
        )
