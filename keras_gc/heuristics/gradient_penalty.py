"""GradientPenalty: the squared norm of the loss's gradient, in the loss."""

import keras
from keras import ops

from keras_gc import _validation, backend
from keras_gc.heuristics.heuristic import Heuristic


@keras.saving.register_keras_serializable(package="keras_gc")
class GradientPenalty(Heuristic):
    """Explicit gradient regularisation: prefer weights where the loss is flat.

    Training minimises

        L(w) + weight * ||grad L(w)||^2,

    the squared norm over all trainable variables together, with no factor 1/2
    and no root (so that it has a gradient where `grad L` is 0). Gradient
    descent with learning rate h does the same implicitly, with weight h / 4.
    L is the whole objective, regularization losses and `gc_weight * GC`
    included: what gradient descent descends is what it regularises.

    The penalty is exact: the gradient is differentiated once more. It is part
    of `loss` in `History`, and is that of the global batch under
    `tf.distribute`.

    Cost: three times the arithmetic of a plain step (a gradient, and the
    gradient of its squared norm). All operations of the model need second
    derivatives.

    Args:
        weight: float >= 0, the factor of the squared norm.

    Raises:
        TypeError: if `weight` is not a number.
        ValueError: if it is negative.

    Example:
    >>> import keras, keras_gc
    >>> model = keras_gc.GCSequential(
    ...     [keras.Input((3,)), keras.layers.Dense(2)]
    ... )
    >>> penalty = keras_gc.heuristics.GradientPenalty(0.01)
    >>> model.compile("sgd", "mse", heuristics=[penalty])

    Reference: Barrett & Dherin 2021 (arXiv 2009.11162), explicit gradient
    regularization.
    """

    def __init__(self, weight):
        self.weight = _validation.number("weight", weight, minimum=0.0)

    def wrap(self, value_and_gradients, model, seed):
        """Return the function that computes the penalised gradients."""
        variables = model.trainable_variables
        scale = model.optimizer.scale_loss(1.0)

        def penalised(objective, values=None):
            def with_penalty():
                loss, aux, gradients = backend.value_and_gradients(
                    objective, variables, scale=scale, differentiable=True
                )
                penalty = self.weight * _share_of_squared_norm(gradients, scale)
                return loss + ops.cast(penalty, loss.dtype), aux

            return value_and_gradients(with_penalty, values)

        return penalised

    def get_config(self):
        """Return the constructor's arguments."""
        return {"weight": self.weight}


def _share_of_squared_norm(gradients, scale):
    """Return this replica's share of ||g||^2, and of its gradient.

    The replicas' gradients g_r add up to g. So <g_r, g> adds up to ||g||^2,
    and 2 grad <g_r, const g> to its gradient.
    """
    own = [
        ops.cast(g, keras.backend.result_type(g.dtype, "float32")) / scale
        for g in gradients
        if g is not None
    ]
    everyones = [ops.stop_gradient(g) for g in backend.replica_sum(own)]
    share = sum(ops.sum(a * b) for a, b in zip(own, everyones, strict=True))
    return 2 * share - ops.stop_gradient(share)
