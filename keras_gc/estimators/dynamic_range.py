"""GC that float32 cannot hold: measured on a multiple of the function.

Squares leave the range of float32 long before the Jacobian does: a deep network
at initialisation may have a GC of 1e-40, which float32 rounds to 0. As
`GC(a f) = a^2 GC(f)`, it can be measured on `a f`, for a power of two `a`, and
divided by `a^2` in float64.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

# Below this, some squares of the sum may already have been rounded to 0.
_SMALLEST = 1e-25
_FACTORS = (1.0, 2.0**60, 2.0**-60)


def find_factor(values_of: Callable[[float], np.ndarray]) -> float:
    """Find the factor that brings GC into the range of float32.

    Args:
        values_of: function from a factor a to the values of `a f`, a numpy
            array `(batch,)`.

    Returns:
        1 if the values are in range without it, or are exactly 0 or NaN; else
        a power of two.

    Example:
    >>> import numpy as np
    >>> from keras_gc.estimators.dynamic_range import find_factor
    >>> def values_of(factor):  # a GC of 1e-40
    ...     return np.array([(factor * 1e-20) ** 2]).astype("float32")
    >>> find_factor(values_of) == 2.0**60
    True
    """
    for factor in _FACTORS:
        values = values_of(factor)
        if np.isfinite(values).all() and values.max() >= _SMALLEST:
            return factor
    return 1.0


def multiple(factor: Any, outputs: Any) -> Any:
    """Return a multiple of a function's outputs, in float32 or better.

    Args:
        factor: float or scalar tensor.
        outputs: tensor or structure of tensors.

    Returns:
        The same structure.
    """

    def times(leaf):
        if keras.backend.standardize_dtype(leaf.dtype) != "float64":
            leaf = ops.cast(leaf, "float32")
        return leaf * ops.cast(factor, leaf.dtype)

    return keras.tree.map_structure(times, outputs)
