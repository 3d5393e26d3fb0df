"""GC from differences of outputs: first derivatives only, even in training."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_gc import _validation, backend
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators.estimator import Estimator, squared_norm
from keras_gc.estimators.probes import gaussian
from keras_gc.estimators.seed_stream import seed_stream

_EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


@keras.saving.register_keras_serializable(package="keras_gc")
class FiniteDifference(Estimator):
    """Estimate from perturbed inputs: `mean_n ||f(x + s v_n) - f(x)||^2 / s^2`.

    With `v ~ N(0, I)` its expectation is `||J||_F^2 + O(s^2)`: training with
    input noise penalises the same quantity. The values need no derivative, so
    a penalty on them needs first derivatives only.

    - Bias: `O(step_size^2)` for smooth functions; rounding adds about
      `K (eps |f| / step_size)^2`, so half precision asks for larger steps
      (outputs in float16 or bfloat16: at least 32 eps, 0.03 and 0.25; where
      only inner layers compute in half precision, nothing can be checked).
    - Variance per example: `2 ||J^T J||_F^2 / n`, as Gaussian forward probes.
    - Cost: n forward passes. Memory: their outputs.

    Args:
        num_probes: int >= 1, n. Defaults to 1.
        step_size: float > 0, s, in units of the inputs. Defaults to 1e-3.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if an argument is outside its range; on the first call,
            if the step is too small for outputs in half precision.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> layer = keras.layers.Dense(2, kernel_initializer="ones")
    >>> model = keras.Sequential([keras.Input((3,)), layer])
    >>> estimator = keras_gc.estimators.FiniteDifference(num_probes=2)
    >>> _, values = estimator(model, np.ones((5, 3)), seed=0)
    >>> tuple(values.shape)
    (5,)

    Reference: Bishop 1995, "Training with noise is equivalent to Tikhonov
    regularization".
    """

    is_unbiased = False

    def __init__(self, num_probes: int = 1, step_size: float = 1e-3):
        self.num_probes = _validation.positive_int("num_probes", num_probes)
        self.step_size = _validation.number(
            "step_size", step_size, minimum=0.0, exclusive=True
        )
        # Shapes of rows for which a derivative exists.
        self._checked: set[tuple] = set()

    def estimate(self, fn: Callable, x: Any, seed: Any) -> tuple[Any, Any]:
        """Return `(aux, values)`; see `Estimator.estimate`."""
        self._check_connected(fn, x)
        seeds = seed_stream(seed)
        moved = [
            self._moved_outputs(fn, x, seeds) for _ in range(self.num_probes)
        ]
        # Evaluated last and with the random state still untouched (the moved
        # evaluations discard what they change), so that every evaluation
        # uses the same dropout mask.
        outputs, aux = fn(x)
        self._check_step(keras.backend.standardize_dtype(outputs.dtype))
        total = sum(squared_norm(other - outputs) for other in moved)
        return aux, total / (self.num_probes * self.step_size**2)

    def _check_connected(self, fn, x):
        """Raise if there is no derivative: the difference would be 0.

        It is checked once for each shape of inputs, when the step is traced.
        """
        leaves = keras.tree.flatten(x)
        shape = tuple(tuple(leaf.shape[1:]) for leaf in leaves)
        if shape in self._checked:
            return
        with discard_updates(), backend.keep_random_state():
            outputs, _, pullback = backend.vjp(fn, x)
            pullback(ops.ones_like(outputs))
        self._checked.add(shape)

    def _check_step(self, dtype):
        smallest = 32 * _EPSILON.get(dtype, 0.0)
        if self.step_size < smallest:
            raise ValueError(
                f"`step_size` must be at least {smallest:g} for outputs in "
                f"{dtype}, or rounding drowns their differences. Received: "
                f"step_size={self.step_size}. Or let the last layer compute "
                "in float32: `dtype='float32'`."
            )

    def _moved_outputs(self, fn, x, seeds):
        def move(leaf):
            return leaf + self.step_size * self.draw(leaf, next(seeds))

        moved = keras.tree.map_structure(move, x)
        with discard_updates(), backend.keep_random_state():
            outputs, _ = fn(moved)
        return outputs

    def draw(self, like: Any, seed: Any) -> Any:
        """Return a standard normal direction of the shape and dtype of `like`.

        Args:
            like: tensor of inputs, `(batch, ...)`.
            seed: int, `keras.random.SeedGenerator` or None.

        Returns:
            Tensor `(batch, ...)`.
        """
        return ops.cast(gaussian(like, 1, seed)[0], like.dtype)

    def num_passes(self, num_outputs: int, num_inputs: int) -> int:
        """Return `num_probes`: one forward pass each."""
        return self.num_probes

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"num_probes": self.num_probes, "step_size": self.step_size}
