"""The base class of training heuristics, and where they act in a step."""

from typing import Any

import keras
from keras import ops


class Heuristic:
    """A change to how a train step's gradient comes about.

    A step computes the loss of a batch and its gradients at the weights. A
    subclass overrides one method: `corrupt` changes the batch, `wrap` the loss
    or the point at which the gradients are taken. Both run once in each train
    step, and never in evaluation or prediction.

    The objective is the whole loss that training minimises: the compiled
    loss, the layers' regularization losses and `gc_weight * GC`.

    A heuristic holds its arguments and no state. Random numbers come from the
    `seed` that each method is given; it is made from the attribute `seed`.
    """

    seed = None

    def corrupt(self, x, y, model, seed):
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

    def wrap(self, value_and_gradients, model, seed):
        """Return the function that computes the gradients.

        Args:
            value_and_gradients: function `(objective, values=None) -> (loss,
                aux, gradients)`, where `objective() -> (loss, aux)`. The
                gradients are with respect to `model.trainable_variables`, or
                at `values` in their place; what the objective assigns to other
                variables is then dropped. They are multiplied with the
                optimizer's loss scale.
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
    def from_config(cls, config):
        """Return a heuristic from `get_config`'s result."""
        return cls(**config)

    def __repr__(self):
        arguments = ", ".join(
            f"{name}={value!r}" for name, value in self.get_config().items()
        )
        return f"{type(self).__name__}({arguments})"


def check_seed(seed):
    """Return a seed, or raise.

    Args:
        seed: int or None.

    Returns:
        The same.

    Raises:
        TypeError: if it is neither.
    """
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool)):
        return seed
    raise TypeError(
        "`seed` must be an int or None. Received: "
        f"seed={seed!r} (of type {type(seed).__name__})"
    )


def is_floating(tensor):
    """Return whether a tensor holds real numbers."""
    return "float" in keras.backend.standardize_dtype(tensor.dtype)


def squared_norm(tensors):
    """Return the squared norm of a list of tensors, in float32 or better."""
    return sum(
        ops.sum(
            ops.square(
                ops.cast(t, keras.backend.result_type(t.dtype, "float32"))
            )
        )
        for t in tensors
    )
