"""InputNoise: Gaussian noise on the inputs, drawn anew for each batch."""

from typing import Any

import keras
from keras import ops

from keras_gc import _validation
from keras_gc.heuristics.gaussian_noise import gaussian_noise
from keras_gc.heuristics.heuristic import Heuristic, check_seed, is_floating


@keras.saving.register_keras_serializable(package="keras_gc")
class InputNoise(Heuristic):
    """Gaussian noise on the model's inputs.

    In each step `stddev * e`, with e ~ N(0, 1), is added to each entry of each
    floating input. Small noise adds `stddev^2 * GC` and a term in the curvature
    of f to a squared error `||f(x) - y||^2`. Inputs that are not floating
    (tokens, class ids) stay as they are; at least one input must be floating.

    The predictions, loss, metrics and GC of training are those of the noisy
    inputs. Under `tf.distribute` each replica draws noise of its own.

    Cost: drawing the noise; for its law see
    `keras_gc.heuristics.gaussian_noise`.

    Args:
        stddev: float >= 0, in units of the inputs.
        seed: int, makes the noise repeatable. Defaults to None.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if `stddev` is negative.

    Example:
    >>> import keras, keras_gc
    >>> model = keras_gc.GCSequential(
    ...     [keras.Input((3,)), keras.layers.Dense(2)]
    ... )
    >>> noise = keras_gc.heuristics.InputNoise(stddev=0.1)
    >>> model.compile("sgd", "mse", heuristics=[noise])

    Reference: Bishop 1995, "Training with noise is equivalent to Tikhonov
    regularization".
    """

    def __init__(self, stddev: float, seed: int | None = None):
        self.stddev = _validation.number("stddev", stddev, minimum=0.0)
        self.seed = check_seed(seed)

    def corrupt(
        self,
        x: Any,
        y: Any,
        model: keras.Model,
        seed: keras.random.SeedGenerator,
    ) -> tuple[Any, Any]:
        """Return the batch with noisy inputs.

        Args:
            x: the model's input, tensors.
            y: the targets, tensors.
            model: the model in training.
            seed: `keras.random.SeedGenerator`.

        Returns:
            `(x, y)`.

        Raises:
            TypeError: if no input is floating.
        """
        leaves = [leaf for leaf in keras.tree.flatten(x) if leaf is not None]
        if not any(is_floating(leaf) for leaf in leaves):
            raise TypeError(
                "`InputNoise` needs floating point inputs. For images, pass "
                "`x.astype('float32')` (and scale it); for tokens, put a "
                "`keras.layers.GaussianNoise(stddev)` behind the embedding. "
                "Received: inputs of dtype "
                f"{[keras.backend.standardize_dtype(t.dtype) for t in leaves]}"
            )
        return keras.tree.map_structure(lambda t: self._noisy(t, seed), x), y

    def _noisy(self, tensor, seed):
        if tensor is None or not is_floating(tensor):
            return tensor
        tensor = ops.convert_to_tensor(tensor)
        return tensor + gaussian_noise(
            ops.shape(tensor), self.stddev, tensor.dtype, seed
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"stddev": self.stddev, "seed": self.seed}
