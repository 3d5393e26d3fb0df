"""The base class of training heuristics."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_gc import _validation, backend


class Heuristic:
    """A change to how a train step computes its gradient.

    A step computes the loss of a batch and its gradients at the weights. A
    subclass overrides one method: `corrupt` changes the batch, `wrap` the loss
    or the point at which the gradients are taken. Both run once in each train
    step, and never in evaluation or prediction.

    The objective is the whole loss that training minimises: the compiled
    loss, the layers' regularization losses and `gc_weight * GC`.

    A heuristic holds its arguments and no state. Random numbers come from the
    `seed` that each method is given; it is made from the attribute `seed`.

    Attributes:
        seed: int or None. Defaults to None.
        is_outermost: bool, whether `wrap` must be given the gradients of all
            other heuristics together. Defaults to False.
    """

    seed: int | None = None
    is_outermost = False

    def corrupt(
        self,
        x: Any,
        y: Any,
        model: keras.Model,
        seed: keras.random.SeedGenerator,
    ) -> tuple[Any, Any]:
        """Return the batch that the loss is computed on.

        Args:
            x: the model's input, tensors.
            y: the targets, tensors.
            model: the model in training.
            seed: `keras.random.SeedGenerator`.

        Returns:
            `(x, y)`.
        """
        return x, y

    def wrap(
        self,
        value_and_gradients: Callable,
        model: keras.Model,
        seed: keras.random.SeedGenerator,
    ) -> Callable:
        """Return the function that computes the gradients.

        Args:
            value_and_gradients: function `(objective, values=None) -> (loss,
                aux, gradients)`, where `objective() -> (loss, aux)`. The
                gradients are with respect to `model.trainable_variables`,
                multiplied with the optimizer's loss scale. With `values` they
                are taken at these in place of the variables' own; what the
                objective assigns to other variables is then dropped.
            model: the model in training.
            seed: `keras.random.SeedGenerator`.

        Returns:
            A function with the same arguments and results.
        """
        return value_and_gradients

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain Python values."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Heuristic":
        """Return a heuristic from `get_config`'s result."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(
            f"{name}={value!r}" for name, value in self.get_config().items()
        )
        return f"{type(self).__name__}({arguments})"


def check_seed(seed: Any) -> int | None:
    """Return a seed, or raise if it is none.

    Args:
        seed: int or None.

    Returns:
        The seed.

    Raises:
        TypeError: if it is neither an int nor None.
    """
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool)):
        return seed
    raise TypeError(
        "`seed` must be an int or None. Received: "
        f"seed={_validation.shown(seed)} (of type {type(seed).__name__})"
    )


def is_floating(tensor: Any) -> bool:
    """Return whether a tensor holds real numbers."""
    return "float" in keras.backend.standardize_dtype(tensor.dtype)


def squared_norm(tensors: list) -> Any:
    """Return the squared norm of a list of tensors, in float32 or better."""
    return sum(
        ops.sum(
            ops.square(
                ops.cast(t, keras.backend.result_type(t.dtype, "float32"))
            )
        )
        for t in tensors
    )


def neighbour_along(
    values: list, gradients: list, distance: Any
) -> tuple[list, Any]:
    """Return the point at a distance from the weights, along the gradient.

    Args:
        values: list of tensors, the weights w.
        gradients: list of tensors, this replica's part of the gradient g;
            None for weights that have none.
        distance: float or scalar tensor, the distance of the point from w.

    Returns:
        `(neighbour, norm)`: the list of tensors `w + distance * g / ||g||` (w
        itself where g is 0), and `||g||`, over all replicas and weights.
    """
    gradient = backend.replica_sum([
        ops.zeros_like(v) if g is None else g
        for v, g in zip(values, gradients, strict=True)
    ])
    # The loss scale of mixed precision cancels in g / ||g||. If it made g
    # overflow, the result is NaN, and the optimizer lowers the scale.
    norm = ops.sqrt(squared_norm(gradient))
    factor = ops.divide_no_nan(distance, norm)
    neighbour = [
        v + ops.cast(factor * ops.cast(g, factor.dtype), v.dtype)
        for v, g in zip(values, gradient, strict=True)
    ]
    return neighbour, norm
