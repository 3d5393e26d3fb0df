"""Squared derivatives of f in each entry of the inputs, in one pass."""

import keras
import numpy as np

from keras_gc.meter import Meter
from keras_gc.reporting.squared_derivatives import SquaredDerivatives


class InputMeter:
    """Outputs, inputs and squared derivatives of one model, batch by batch.

    Args:
        model: a built `keras.Model`.
        inputs: name of a layer to measure from, or None.
        outputs: name of a layer to measure to, or None.
        seed: int or None.
        scale: float, multiplies the derivatives before they are squared.
    """

    def __init__(self, model, inputs=None, outputs=None, seed=None, scale=1.0):
        self.arguments = model, inputs, outputs, seed
        self._meter = Meter(
            model, SquaredDerivatives(scale), inputs, outputs, seed
        )
        self.network = self._meter.network
        self.dtype = self._meter.dtype

    @property
    def estimator(self):
        """The `SquaredDerivatives`, which knows the sizes once it has run."""
        return self._meter.estimator

    def __call__(self, x):
        """Measure one batch.

        Args:
            x: the model's input, tensors.

        Returns:
            `(outputs, point, squares)`: numpy arrays `(batch, K)`,
            `(batch, d)` and `(1 or 2, batch, d)`, float64; two of the last
            where they are estimated.
        """
        rows = self._meter(x)
        num_outputs = self.estimator.num_outputs
        outputs, rest = np.split(rows, [num_outputs], axis=1)
        rest = rest.reshape(len(rows), -1, self.estimator.num_inputs)
        point, *squares = rest.transpose(1, 0, 2)
        return outputs, point, np.stack(squares)

    def point(self, x):
        """Return one row of where the derivatives are taken.

        Args:
            x: the model's input, tensors.

        Returns:
            Tensor or structure of tensors.
        """
        one = keras.tree.map_structure(lambda leaf: leaf[:1], x)
        return self.network.point(one)
