"""GradientPenalty: the squared norm of the loss's gradient, in the loss."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_gc import _validation, backend
from keras_gc.backend.scope import delay_updates
from keras_gc.heuristics.heuristic import (
    Heuristic,
    neighbour_along,
    squared_norm,
)

_MODES = ("auto", "forward_difference", "exact")
# Distance between the points of the two gradients, relative to the norm of all
# weights: large enough for float32, small enough for the Hessian to be the same
# at both.
_RELATIVE_STEP = 1e-3


@keras.saving.register_keras_serializable(package="keras_gc")
class GradientPenalty(Heuristic):
    """Explicit gradient regularisation: prefer weights where the loss is flat.

    Training minimises

        L(w) + weight * ||grad L(w)||^2,

    the squared norm over all trainable variables together, with no factor 1/2
    and no root (so that it has a gradient where `grad L` is 0). Gradient
    descent with learning rate h does the same implicitly, with weight h / 4.
    L is the whole objective, regularization losses and `gc_weight * GC`
    included.

    The penalty is part of `loss` in `History`, and is that of the global
    batch under `tf.distribute`. Its own gradient is 2 weight H g, with
    `g = grad L` and H the Hessian. There are two ways to compute it:

    - `"forward_difference"`: H g from two gradients,

          H g = ||g|| / h * (grad L(w + h g / ||g||) - grad L(w)) + O(h),

      at a distance of `h = 1e-3 ||w||`. Both gradients are of one and the
      same function (same dropout masks, same random probes of GC), and no
      operation needs a second derivative. The relative error of the penalty's
      gradient is of the order of 1e-2 for smooth networks in float32. In half
      precision the difference is lost in rounding.
    - `"exact"`: the gradient is differentiated once more. All operations of
      the model need second derivatives.

    Cost: two plain steps for `"forward_difference"`. For `"exact"` three times
    the arithmetic of a plain step (a gradient, and the gradient of its squared
    norm), and on convolutions more than three times the time. `keras-gc bench`
    measures both.

    Args:
        weight: float >= 0, the factor of the squared norm.
        mode: str, `"forward_difference"`, `"exact"` or `"auto"`: exact
            where layers compute in float16 or bfloat16, else by difference.
            Defaults to `"auto"`.

    Raises:
        TypeError: if `weight` is not a number.
        ValueError: if it is negative, or `mode` is none of the three.

    Example:
    >>> import keras, keras_gc
    >>> model = keras_gc.GCSequential(
    ...     [keras.Input((3,)), keras.layers.Dense(2)]
    ... )
    >>> penalty = keras_gc.heuristics.GradientPenalty(0.01)
    >>> model.compile("sgd", "mse", heuristics=[penalty])

    Reference: Barrett & Dherin 2021 (arXiv 2009.11162), explicit gradient
    regularization; Karakida et al. 2023 (arXiv 2210.02720) for the forward
    difference.
    """

    def __init__(self, weight: float, mode: str = "auto"):
        self.weight = _validation.number("weight", weight, minimum=0.0)
        self.mode = _validation.one_of("mode", mode, _MODES)

    def wrap(
        self,
        value_and_gradients: Callable,
        model: keras.Model,
        seed: keras.random.SeedGenerator,
    ) -> Callable:
        """Return the function that computes the penalised gradients."""
        is_exact = self.mode == "exact" or (
            self.mode == "auto" and _computes_in_half_precision(model)
        )
        way = self._exact if is_exact else self._by_difference
        return way(value_and_gradients, model)

    def _exact(self, value_and_gradients, model):
        scale = model.optimizer.scale_loss(1.0)

        def penalised(objective, values=None):
            def with_penalty():
                loss, aux, gradients = backend.value_and_gradients(
                    objective,
                    model.trainable_variables,
                    scale=scale,
                    differentiable=True,
                )
                return self._add_penalty(loss, gradients, scale), aux

            return value_and_gradients(with_penalty, values)

        return penalised

    def _by_difference(self, value_and_gradients, model):
        scale = model.optimizer.scale_loss(1.0)

        def penalised(objective, values=None):
            with delay_updates() as make_updates, backend.keep_random_state():
                loss, aux, gradients = value_and_gradients(objective, values)
            if values is None:
                values = [v.value for v in model.trainable_variables]
            size = ops.sqrt(squared_norm(values))
            distance = _RELATIVE_STEP * ops.where(size > 0, size, 1.0)
            neighbour, norm = neighbour_along(values, gradients, distance)
            _, _, others = value_and_gradients(objective, neighbour)
            make_updates()
            factor = 2 * self.weight * norm / scale / distance
            loss = self._add_penalty(loss, gradients, scale)
            return (
                loss,
                aux,
                [
                    g
                    if g is None
                    else g + ops.cast(factor, g.dtype) * (other - g)
                    for g, other in zip(gradients, others, strict=True)
                ],
            )

        return penalised

    def _add_penalty(self, loss, gradients, scale):
        penalty = self.weight * _share_of_squared_norm(gradients, scale)
        return loss + ops.cast(penalty, loss.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"weight": self.weight, "mode": self.mode}


def _computes_in_half_precision(model):
    dtypes = {layer.compute_dtype for layer in (model, *model.layers)}
    return not dtypes.isdisjoint({"float16", "bfloat16"})


def _share_of_squared_norm(gradients, scale):
    """Return this replica's share of ||g||^2, and of its gradient.

    The replicas' gradients g_r add up to g. So the inner products <g_r, g> add
    up to ||g||^2, and 2 grad <g_r, g>, with g held constant, to its gradient.
    """
    own = [
        ops.cast(g, keras.backend.result_type(g.dtype, "float32")) / scale
        for g in gradients
        if g is not None
    ]
    everyones = [ops.stop_gradient(g) for g in backend.replica_sum(own)]
    share = sum(ops.sum(a * b) for a, b in zip(own, everyones, strict=True))
    return 2 * share - ops.stop_gradient(share)
