"""WeightNoise: Gaussian noise on the weights in the forward pass."""

from collections.abc import Callable
from typing import Any

import keras

from keras_gc import _validation
from keras_gc.backend.scope import delay_updates
from keras_gc.heuristics.gaussian_noise import gaussian_noise
from keras_gc.heuristics.heuristic import Heuristic, check_seed


@keras.saving.register_keras_serializable(package="keras_gc")
class WeightNoise(Heuristic):
    """Gaussian noise on the weights in the forward pass.

    The loss is computed at `w + stddev * e`, with e ~ N(0, I) over all
    trainable variables drawn anew in each step. The gradient at that point is
    applied to the clean weights w, which never hold noise.

    All that a step shows and stores (loss, metrics, GC, the statistics of
    BatchNormalization) is computed with the noisy weights. If a layer assigns
    to a weight in its forward pass, as SpectralNormalization does to its
    kernel, the value comes from the noisy weight and is not kept. Under
    `tf.distribute` each replica draws noise of its own.

    Cost: drawing the noise, one random number for each row and each column of
    a weight; for its law see `keras_gc.heuristics.gaussian_noise`.

    Args:
        stddev: float >= 0, in units of the weights.
        seed: int, makes the noise repeatable. Defaults to None.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if `stddev` is negative.

    Example:
    >>> import keras, keras_gc
    >>> model = keras_gc.GCSequential(
    ...     [keras.Input((3,)), keras.layers.Dense(2)]
    ... )
    >>> noise = keras_gc.heuristics.WeightNoise(stddev=0.01)
    >>> model.compile("sgd", "mse", heuristics=[noise])

    Reference: An 1996, "The effects of adding noise during backpropagation
    training on a generalization performance".
    """

    def __init__(self, stddev: float, seed: int | None = None):
        self.stddev = _validation.number("stddev", stddev, minimum=0.0)
        self.seed = check_seed(seed)

    def wrap(
        self,
        value_and_gradients: Callable,
        model: keras.Model,
        seed: keras.random.SeedGenerator,
    ) -> Callable:
        """Return the function that computes gradients at the noisy weights."""
        variables = model.trainable_variables
        # Drawn here, once in a step, however often the gradients are taken.
        noise = [
            gaussian_noise(v.shape, self.stddev, v.dtype, seed)
            for v in variables
        ]

        def with_noise(objective, values=None):
            def noisy_objective():
                noisy = [
                    (v, v.value + n)
                    for v, n in zip(variables, noise, strict=True)
                ]
                with delay_updates(noisy) as make_updates:
                    result = objective()
                make_updates()
                return result

            return value_and_gradients(noisy_objective, values)

        return with_noise

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"stddev": self.stddev, "seed": self.seed}
