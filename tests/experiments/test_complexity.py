import keras
import numpy as np
import pytest

from keras_gc.datasets import Dataset
from keras_gc.experiments.complexity import complexity_measures, sharpness
from keras_gc.experiments.measuring import cross_entropy


def linear(kernel):
    model = keras.Sequential([
        keras.Input((2,)),
        keras.layers.Dense(2, use_bias=False),
    ])
    model.set_weights([kernel])
    return keras.Model(model.inputs[0], model.outputs[0])


X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], "float32")
Y = np.array([0, 1, 0], "int32")
KERNEL = np.array([[1.0, -0.5], [0.3, 0.2]], "float32")


def test_sharpness_is_the_rise_along_the_normalised_gradient():
    model = linear(KERNEL)
    logits = X @ KERNEL
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    gradient = X.T @ (p - np.eye(2)[Y]) / 3
    moved = KERNEL + 0.05 * gradient / np.linalg.norm(gradient)
    rise = cross_entropy(X @ moved, Y) - cross_entropy(logits, Y)
    assert sharpness(model, X, Y) == pytest.approx(rise, rel=1e-3)
    np.testing.assert_array_equal(model.get_weights()[0], KERNEL)


def test_measures_of_a_linear_model_are_known():
    data = Dataset("three", X, Y, X, Y, 2)
    measures = complexity_measures(linear(KERNEL), data, 3)
    norm = np.linalg.norm(KERNEL, 2) ** 2
    assert measures["weight_norm"] == pytest.approx((KERNEL**2).sum())
    assert measures["spectral_bound"] == pytest.approx(2 * norm, rel=1e-4)
    logits = X @ KERNEL
    label = np.median(logits[range(3), Y] - logits[range(3), 1 - Y])
    quotient = (KERNEL**2).sum() / label**2
    assert measures["margin_gc"] == pytest.approx(quotient, rel=1e-5)
