"""SAM: gradients taken at the worst point of a neighbourhood."""

from collections.abc import Callable
from typing import Any

import keras

from keras_gc import _validation, backend
from keras_gc.backend.scope import delay_updates
from keras_gc.heuristics.heuristic import Heuristic, neighbour_along


@keras.saving.register_keras_serializable(package="keras_gc")
class SAM(Heuristic):
    """Sharpness-aware minimisation: seek weights whose neighbours do well too.

    To first order, training minimises the largest loss within a distance rho
    of the weights w. The optimizer applies to w the gradient

        grad L(w + rho g / ||g||),   g = grad L(w),

    with the norm over all trainable variables together, and the plain gradient
    where g is 0. L is the whole objective, regularization losses and
    `gc_weight * GC` included (the paper leaves its weight decay outside).

    Both gradients are of one and the same function: same batch, same dropout
    masks, same random probes of GC. (On torch, give `Dropout` a seed: without
    one Keras draws its masks from torch's own generator.) What `History` shows
    (loss, metrics, GC) is computed at w, and so are the statistics of
    BatchNormalization, once.

    Under `tf.distribute` the norm is that of the global batch, as on a single
    device. With `gradient_accumulation_steps` each batch has a neighbour of
    its own (the paper's m-sharpness).

    Cost: a second gradient, 2 times the plain step.

    Args:
        rho: float >= 0, radius of the neighbourhood in units of the weights.
            Defaults to 0.05.

    Raises:
        TypeError: if `rho` is not a number.
        ValueError: if it is negative.

    Example:
    >>> import keras, keras_gc
    >>> model = keras_gc.GCSequential(
    ...     [keras.Input((3,)), keras.layers.Dense(2)]
    ... )
    >>> sam = keras_gc.heuristics.SAM(rho=0.1)
    >>> model.compile("sgd", "mse", heuristics=[sam])

    Reference: Foret et al. 2021 (arXiv 2010.01412), Algorithm 1.
    """

    is_outermost = True  # its two gradients are those of the whole loss

    def __init__(self, rho: float = 0.05):
        self.rho = _validation.number("rho", rho, minimum=0.0)

    def wrap(
        self,
        value_and_gradients: Callable,
        model: keras.Model,
        seed: keras.random.SeedGenerator,
    ) -> Callable:
        """Return the function that computes SAM's gradients."""

        def at_worst_neighbour(objective, values=None):
            with delay_updates() as make_updates, backend.keep_random_state():
                loss, aux, gradients = value_and_gradients(objective, values)
            if values is None:
                values = [v.value for v in model.trainable_variables]
            neighbour, _ = neighbour_along(values, gradients, self.rho)
            _, _, gradients = value_and_gradients(objective, neighbour)
            make_updates()
            return loss, aux, gradients

        return at_worst_neighbour

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"rho": self.rho}
