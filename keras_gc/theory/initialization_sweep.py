"""Geometric complexity of networks before training, over their depth."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from keras_gc import _validation
from keras_gc.measure import geometric_complexity

# The random initializers of Keras that need no argument.
INITIALIZERS = (
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "variance_scaling",
)


def initialization_sweep(
    build: Callable[[int, Any], keras.Model],
    depths: Iterable[int],
    initializers: Iterable[Any] = INITIALIZERS,
    *,
    num_points: int = 100,
    estimator: Any = "auto",
    seed: int = 0,
) -> list[dict]:
    """Geometric complexity at initialisation, by depth and initializer.

    All networks are measured on the same points, spread evenly along one
    segment between two random vectors with entries -1 and +1. (The diagonal
    from (-1, ..., -1) to (1, ..., 1) would not do: it runs through the origin,
    and on such a line a ReLU network without biases has only two Jacobians, one
    on either side.)

    Args:
        build: function `(depth, initializer)` that returns a built model
            whose layers use the initializer.
        depths: depths, ints >= 1.
        initializers: names of Keras initializers, passed to `build` one by
            one. (An instance would give the same numbers to all layers of one
            shape, which a name does not.) Defaults to `INITIALIZERS`: all of
            Keras's that draw random numbers and need no argument.
        num_points: int >= 1, points on the segment. Defaults to 100.
        estimator: as for `keras_gc.geometric_complexity`. Defaults to
            `"auto"`.
        seed: int, with which `keras.utils.set_random_seed` is called before
            each network is built, so that no row depends on the others.
            Defaults to 0.

    Returns:
        A list of dicts, one for each initializer and depth, with the keys
        `initializer`, `depth`, `gc` and `standard_error` (of the mean over
        the segment).

    Raises:
        ValueError: if an argument is outside its range, or `initializers` is
            a single name.

    Example:
    >>> import keras, keras_gc
    >>> def build(depth, initializer):
    ...     relu = {"activation": "relu", "kernel_initializer": initializer}
    ...     layers = [keras.layers.Dense(64, **relu) for _ in range(depth)]
    ...     return keras.Sequential([keras.Input((16,)), *layers])
    >>> rows = keras_gc.theory.initialization_sweep(
    ...     build, [1, 8], ["glorot_uniform"], num_points=10
    ... )
    >>> rows[0]["depth"], rows[1]["depth"], rows[1]["gc"] < rows[0]["gc"]
    (1, 8, True)

    Reference: Dherin et al. 2022 (arXiv 2209.13083), section 4 (the effect; the
    figures' settings are ours).
    """
    depths = [_validation.positive_int("depths", depth) for depth in depths]
    num_points = _validation.positive_int("num_points", num_points)
    if isinstance(initializers, str):
        raise ValueError(
            "`initializers` must be several names, in a list. Received: "
            f"initializers={_validation.shown(initializers)}"
        )
    rows = []
    for initializer in initializers:
        for depth in depths:
            keras.utils.set_random_seed(seed)
            model = build(depth, initializer)
            points = segment(model.input_shape[1:], num_points, seed)
            estimate = geometric_complexity(
                model, points, estimator=estimator, seed=seed
            )
            rows.append({
                "initializer": initializer,
                "depth": depth,
                "gc": estimate.value,
                "standard_error": estimate.standard_error,
            })
    return rows


def segment(
    input_shape: tuple[int, ...], num_points: int, seed: int
) -> np.ndarray:
    """Return points from one random vertex of the cube [-1, 1]^d to another.

    Args:
        input_shape: tuple of ints, shape of one input; d is its size.
        num_points: int, how many; the first and the last are the vertices.
        seed: int.

    Returns:
        Array of shape `(num_points, *input_shape)`.
    """
    ends = np.random.default_rng(seed).choice(
        [-1.0, 1.0], (2, math.prod(input_shape))
    )
    share = np.linspace(0, 1, num_points)[:, None]
    points = (1 - share) * ends[0] + share * ends[1]
    return points.reshape(num_points, *input_shape).astype("float32")
