"""What gradient descent adds to the loss by taking steps of finite size."""

from typing import Any

import keras
import numpy as np

from keras_gc import _validation, backend
from keras_gc.backend.scope import discard_updates

# The gradient over all examples is computed as the mean over parts this large.
_EXAMPLES_AT_A_TIME = 256


def implicit_gradient_penalty(
    model: keras.Model,
    x: Any,
    y: Any,
    learning_rate: float | None = None,
    batch_size: int | None = None,
) -> float:
    """Return the implicit gradient penalty, `(h / 4) ||grad L||^2`.

    Gradient descent with steps of size h on a loss L does not follow the
    gradient flow of L but, up to O(h^3) in each step, that of

        L + (h / 4) ||grad L||^2,

    and so it prefers weights at which the loss is flat. For stochastic gradient
    descent the penalty is, over an epoch, the mean of the batches' own. Give
    `batch_size` for that mean; it is larger for smaller batches.

    L is the compiled loss with the layers' regularization losses, the model
    in inference mode, and the gradient is taken with respect to all trainable
    variables. (Penalties that a `GCModel` trains with are not part of L.)
    The model is not changed. For adaptive or momentum optimizers the value is
    that of plain gradient descent with the same learning rate.

    Units: those of the loss.

    Args:
        model: `keras.Model`, compiled and built.
        x: array of inputs, or a structure of them.
        y: array of targets, or a structure of them.
        learning_rate: float >= 0, the step size h. Defaults to None: the
            optimizer's at this moment.
        batch_size: int, size of the batches whose penalties are averaged.
            Defaults to None: one batch of all examples.

    Returns:
        A float >= 0.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if the model is not compiled with a loss that is a mean
            over the examples, there are no data or an argument is out of its
            range.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> layer = keras.layers.Dense(1, use_bias=False)
    >>> model = keras.Sequential([keras.Input((1,)), layer])
    >>> model.compile(keras.optimizers.SGD(0.1), "mse")
    >>> model.set_weights([np.array([[3.0]])])  # L = w^2: gradient 6
    >>> x, y = np.ones((4, 1)), np.zeros((4, 1))
    >>> keras_gc.theory.implicit_gradient_penalty(model, x, y)
    0.90

    Reference: Barrett & Dherin 2021 (arXiv 2009.11162), Theorem 3.1; Smith et
    al. 2021 (arXiv 2101.12176) for batches.
    """
    return ImplicitGradientMeter(model)(x, y, learning_rate, batch_size)


class ImplicitGradientMeter:
    """`implicit_gradient_penalty` of one model, traced once for many calls.

    Args:
        model: `keras.Model`, compiled and built.
    """

    def __init__(self, model: keras.Model):
        _check_loss(model)
        self.model = model
        self._gradients: Any = None

    def __call__(
        self,
        x: Any,
        y: Any,
        learning_rate: float | None = None,
        batch_size: int | None = None,
    ) -> float:
        """Return the penalty; arguments as `implicit_gradient_penalty`'s."""
        if learning_rate is None:
            learning_rate = float(
                keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
            )
        learning_rate = _validation.number(
            "learning_rate", learning_rate, minimum=0.0
        )
        if batch_size is not None:
            _validation.positive_int("batch_size", batch_size)
        size = batch_size or _EXAMPLES_AT_A_TIME
        total = mean = 0.0
        for share, gradient in self._gradients_of_batches(x, y, size):
            total = total + share * gradient
            mean = mean + share * np.sum(gradient**2)
        squared_norm = np.sum(total**2) if batch_size is None else mean
        return float(learning_rate / 4 * squared_norm)

    def _gradients_of_batches(self, x, y, size):
        """Yield each batch's share of the examples, and its gradient."""
        count = len(keras.tree.flatten(x)[0])
        if count == 0:
            raise ValueError("There is no example to measure on: x is empty")
        for start in range(0, count, size):
            batch = keras.tree.map_structure(
                lambda a: keras.ops.convert_to_tensor(
                    a[start : start + size]  # noqa: B023
                ),
                (x, y),
            )
            if self._gradients is None:
                self._gradients = self._trace(*batch)
            gradients = [
                np.ravel(keras.ops.convert_to_numpy(g)).astype("float64")
                for g in self._gradients(batch)
            ]
            share = min(size, count - start) / count
            yield share, np.concatenate(gradients)

    def _trace(self, x, y):
        model = self.model

        def loss(x, y):
            y_pred = model(x, training=False)
            return model.compute_loss(x, y, y_pred, training=False)

        def gradients(batch):
            scale = model.optimizer.scale_loss(1.0)  # for half precision
            with discard_updates():
                _, _, gradients = backend.value_and_gradients(
                    lambda: (loss(*batch), None),
                    model.trainable_variables,
                    scale=scale,
                )
            # A variable that is not used has no gradient.
            return [
                g / scale
                for g in backend.replica_sum([
                    g for g in gradients if g is not None
                ])
            ]

        with discard_updates():
            loss(x, y)  # creates the losses' own variables, in no trace
        return backend.compiled(
            gradients, [*model.variables, *model.optimizer.variables], []
        )


def _check_loss(model):
    if not (isinstance(model, keras.Model) and model.built):
        raise ValueError(
            "`model` must be a built `keras.Model`. Received: "
            f"model={_validation.shown(model)} (of type {type(model).__name__})"
        )
    if not model.compiled or model.loss is None:
        raise ValueError(
            "The implicit gradient penalty is that of the compiled loss. Call "
            "`model.compile(optimizer, loss)` first. Received: model "
            f"'{model.name}' without a loss"
        )
    for loss in keras.tree.flatten(model.loss):
        if getattr(loss, "reduction", None) == "sum":
            raise ValueError(
                "The loss must be a mean over the examples, as Keras's losses "
                "are by default. Received: a loss with reduction='sum'"
            )
