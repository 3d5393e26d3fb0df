"""The factor of one layer in the transfer theorem."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import backend, estimators
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators.estimator import flatten_rows, squared_norm
from keras_gc.intercept import intercept
from keras_gc.logits import LogitNetwork
from keras_gc.theory.affine_layer import affine_norm, affine_part
from keras_gc.theory.jacobian import Jacobian


class TransferFactor:
    """T_i of one layer, traced once for many batches.

    Args:
        network: the model's `LogitNetwork`.
        layer: a Dense layer or convolution through which all paths run.
        is_head: bool, whether it ends in probabilities that are stepped over.
        x: a batch.
    """

    def __init__(
        self,
        network: LogitNetwork,
        layer: keras.Layer,
        is_head: bool,
        x: Any,
    ):
        self._network = network
        self._layer = layer
        self._is_head = is_head
        variables = network.model.variables
        self._before = Jacobian(
            lambda x: (network.point(x), self._input), variables
        )
        shape = self._input(x).shape
        self._norm = affine_norm([layer], shape[1:])
        self.is_measured = not _is_dense_at_one_position(layer, shape)
        self._gain = backend.compiled(
            self._sensitivity if self.is_measured else self._dense_gain,
            variables,
            [],
        )

    def __call__(self, x: Any, gradient: np.ndarray | None) -> np.ndarray:
        """Return T_i at each row of a batch.

        Args:
            x: a batch.
            gradient: array `(batch,)`, `||grad_i f||_F^2` for each row; None
                where the gain is known without it.

        Returns:
            Array of shape `(batch,)`.
        """
        gain = ops.convert_to_numpy(self._gain(x)).astype("float64")
        if self.is_measured:
            gain = divide(gradient, gain)
        return divide(gain, (self._norm * self._before.norm_bounds(x)[1]) ** 2)

    def carries_every_path(self, x: Any) -> bool:
        """Return whether all paths from x to the logits run through the layer.

        If so, the logits no longer depend on x when the layer's output is
        held fixed.

        Args:
            x: a batch.

        Returns:
            A bool.
        """
        with discard_updates():
            z = affine_part(self._layer, self._input(x))

        def logits(scale):
            scaled = keras.tree.map_structure(
                lambda leaf: leaf * ops.cast(scale, leaf.dtype), x
            )
            with discard_updates():
                return flatten_rows(self._logits(z, scaled)), None

        try:
            outputs, _, pullback = backend.vjp(logits, ops.ones((1,)))
            pullback(ops.ones_like(outputs))
        except ValueError:  # the backend says: not connected
            return True
        return False

    def _input(self, x):
        """Return h, the layer's input."""
        return inputs_of_calls(self._network.model, self._layer, x)[0]

    def _logits(self, z, x):
        """Return f if z is the layer's output before its activation."""
        if self._is_head:
            return z

        def handler(call, *args, **kwargs):
            return self._layer.activation(z)

        with intercept(self._layer, handler):
            return self._network(x, x)[0]

    def _dense_gain(self, x):
        """Return S_i = 1 + ||h||^2."""
        with discard_updates():
            return int(self._layer.use_bias) + squared_norm(self._input(x))

    def _sensitivity(self, x):
        """Return ||df/dz||_F^2."""
        with discard_updates():
            z = affine_part(self._layer, self._input(x))

        def logits(z):
            with discard_updates():
                return self._logits(z, x)

        return estimators.ExactReverse()(logits, z)[1]


def _is_dense_at_one_position(layer, input_shape):
    # With LoRA enabled the weights are not those of the formula.
    return (
        type(layer) is keras.layers.Dense
        and len(input_shape) == 2
        and not layer.lora_enabled
    )


def inputs_of_calls(model: keras.Model, layer: keras.Layer, x: Any) -> list:
    """Return what a layer is called on, once for each of its calls.

    Args:
        model: a model.
        layer: a layer in it.
        x: a batch.

    Returns:
        List of tensors.
    """
    inputs = []

    def handler(call, *args, **kwargs):
        inputs.append(args[0])
        return call(*args, **kwargs)

    with intercept(layer, handler), discard_updates():
        model(x, training=False)
    return inputs


def divide(numerator: Any, denominator: np.ndarray) -> np.ndarray:
    """Return the quotient, 0 where the divisor is 0.

    Args:
        numerator: array.
        denominator: array of the same shape, without negative entries.

    Returns:
        Array of that shape.
    """
    return np.divide(
        numerator,
        denominator,
        out=np.zeros_like(numerator),
        where=denominator > 0,
    )
