"""GC in units of the margin, as it appears in a generalisation bound."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_gc import _validation
from keras_gc.estimators.estimator import flatten_rows
from keras_gc.logits import LogitNetwork
from keras_gc.measure import geometric_complexity
from keras_gc.theory.model_batches import model_batches


def margin_normalized_gc(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    quantile: float = 0.5,
    inputs: str | Sequence[str] | None = None,
) -> float:
    """Geometric complexity over the squared margin, `GC / margin^2`.

    The margin of an example is the logit of its label minus the largest
    other logit. If the logits are multiplied by `a`, GC is multiplied by `a^2`
    and the margin by `a`. So the quotient does not depend on the scale of the
    logits, which grows without end when cross-entropy is trained. The
    generalisation bound of the reference grows with `sqrt(GC / (margin^2 n))`,
    for n examples.

    The bound holds for any margin. The default, the median over the examples,
    is our choice.

    Units: 1 / (input unit)^2.

    Args:
        model: `keras.Model`, a built classifier. A softmax at its end is
            stepped over.
        x: array of inputs of shape `(examples, ...)`, or a list or dict of
            them.
        y: int array of labels, of shape `(examples,)`.
        quantile: float in [0, 1], which quantile of the margins to divide by;
            0 is the smallest. Defaults to 0.5, the median.
        inputs: str or list of str, as for `keras_gc.geometric_complexity`:
            for token models the embedding. Defaults to all real inputs.

    Returns:
        A float > 0; `inf` where that quantile is not positive, which means
        that at least that share of the examples is misclassified.

    Raises:
        ValueError: if `y` is not one label for each example, or the model
            has fewer than two logits.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> model = keras.Sequential(
    ...     [keras.Input((2,)), keras.layers.Dense(2, use_bias=False)]
    ... )
    >>> model.set_weights([2 * np.eye(2)])  # GC = 8
    >>> x = np.array([[1.0, 0.0], [0.0, 1.0]])  # margins 2 and 2
    >>> keras_gc.theory.margin_normalized_gc(model, x, [0, 1])
    2.0

    Reference: Munn, Dherin & Gonzalvo 2023, "A margin-based multiclass
    generalization bound via geometric complexity" (arXiv 2405.18590).
    """
    quantile = _validation.number("quantile", quantile, minimum=0, maximum=1)
    y = np.asarray(keras.ops.convert_to_numpy(y))
    logits = _logits(model, x)
    if y.shape != logits.shape[:1]:
        raise ValueError(
            "`y` must hold one integer label for each example of `x`. "
            f"Received: y of shape {y.shape}, {len(logits)} examples"
        )
    margin = float(np.quantile(_margins(logits, y), quantile))
    if margin <= 0:
        return math.inf
    gc = geometric_complexity(
        model, x, estimator="exact_reverse", inputs=inputs
    )
    return float(gc) / margin**2


def _logits(model: keras.Model, x: Any) -> np.ndarray:
    """Return the logits, float64, of shape `(examples, classes)`."""
    network = LogitNetwork(model)
    rows = [
        keras.ops.convert_to_numpy(flatten_rows(network(None, batch)[0]))
        for batch in model_batches(model, x, 256)
    ]
    return np.concatenate(rows).astype("float64")


def _margins(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the label's logit minus the largest other, for each example."""
    if values.shape[1] < 2:
        raise ValueError(
            "A margin compares two logits, and the model must have at least "
            f"two. Received: a model with {values.shape[1]} output"
        )
    label = np.arange(values.shape[1]) == y[:, None]
    others = np.where(label, -np.inf, values).max(-1)
    return values[label] - others
