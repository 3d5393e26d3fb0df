"""Random vectors `v` with `E[v v^T] = I`, for `E ||J^T v||^2 = ||J||_F^2`.

A law is a function `(like, num_probes, seed) -> (num_probes, *like.shape)`:
`num_probes` vectors for each row of a tensor `like`, whose rows are outputs (in
reverse mode) or inputs (in forward mode).
"""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_gc import _validation
from keras_gc.estimators.balanced_probes import balanced, principal

_WORD = 16  # signs in one random number


def rademacher(like: Any, num_probes: int, seed: Any) -> Any:
    """Return independent signs: the least variance where J J^T is diagonal."""
    shape = (num_probes, *ops.shape(like))
    count = math.prod(shape)
    # 16 signs per random integer: random numbers are expensive, above all
    # under XLA.
    words = ((count + _WORD - 1) // _WORD, 1)
    words = keras.random.randint(words, 0, 2**_WORD, seed=seed)
    bits = ops.bitwise_and(ops.right_shift(words, ops.arange(_WORD)), 1)
    bits = ops.reshape(ops.reshape(bits, (-1,))[:count], shape)
    return 2.0 * ops.cast(bits, "float32") - 1.0


def gaussian(like: Any, num_probes: int, seed: Any) -> Any:
    """Return independent standard normal entries."""
    shape = (num_probes, *ops.shape(like))
    return keras.random.normal(shape, dtype="float32", seed=seed)


def sphere(like: Any, num_probes: int, seed: Any) -> Any:
    """Return rows uniform on the sphere whose radius is the root of their size.

    Reference: Hoffman, Roberts, Yaida 2019 (arXiv 1908.02729), equation 9.
    """
    rows = gaussian(like, num_probes, seed)
    axes = tuple(range(2, len(rows.shape)))
    return rows / ops.sqrt(ops.mean(ops.square(rows), axis=axes, keepdims=True))


_INDEPENDENT = {
    "rademacher": rademacher,
    "gaussian": gaussian,
    "sphere": sphere,
}
# These depend on the outputs, and so exist in reverse mode alone.
_OF_OUTPUTS = {"balanced": balanced, "principal": principal}


def get(name: str, mode: str = "reverse") -> Callable:
    """Return the law of a probe's name.

    Args:
        name: str, `"rademacher"`, `"gaussian"` or `"sphere"`; in reverse mode
            also `"balanced"` or `"principal"`.
        mode: str, `"reverse"` or `"forward"`. Defaults to `"reverse"`.

    Returns:
        A function `(like, num_probes, seed) -> (num_probes, *like.shape)`.
    """
    laws = _INDEPENDENT | (_OF_OUTPUTS if mode == "reverse" else {})
    return laws[_validation.one_of("probe", name, laws)]
