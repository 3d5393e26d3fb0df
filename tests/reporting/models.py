"""Models whose Jacobian is known, for the tests of reports."""

import keras
import numpy as np
from keras import layers, ops


def linear(matrix, bias=None, **arguments):
    """f(x) = A x + b, with A of shape (K, d)."""
    matrix = np.asarray(matrix, "float32")
    layer = layers.Dense(len(matrix), name="last")
    model = keras.Sequential(
        [keras.Input((matrix.shape[1],), name="features"), layer], **arguments
    )
    bias = np.zeros(len(matrix)) if bias is None else np.array(bias)
    layer.set_weights([matrix.T, bias])
    return model


def squares(size):
    """f(x) = x^2 / 2, so that J = diag(x)."""
    layer = layers.Lambda(lambda x: ops.square(x) / 2)
    return keras.Sequential([keras.Input((size,)), layer])


def mixed_squares(matrix):
    """f(x) = W (x^2 / 2), so that J = W diag(x) and s_j = ||W_j||^2 x_j^2."""
    matrix = np.asarray(matrix, "float32")
    head = layers.Dense(len(matrix), use_bias=False)
    square = layers.Lambda(lambda x: ops.square(x) / 2)
    model = keras.Sequential([keras.Input((matrix.shape[1],)), square, head])
    head.set_weights([matrix.T])
    return model


def of_layers(shape, *stack, name="model"):
    """A Sequential model."""
    return keras.Sequential([keras.Input(shape), *stack], name=name)
