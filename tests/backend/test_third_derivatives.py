"""Weights' gradients in forward mode: derivatives of the third order."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gc
from tests.oracles import double_precision

X = np.random.default_rng(0).normal(size=(6, 4, 4))
NORMALIZATIONS = {
    "batch": layers.BatchNormalization,
    "group": lambda: layers.GroupNormalization(2),
    "layer": layers.LayerNormalization,
    "rms": layers.RMSNormalization,
    "unit": layers.UnitNormalization,
}


def gradient(normalization, estimator):
    """The penalty's gradient with respect to all weights, as one array."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4, 4))
    hidden = normalization()(layers.Dense(4, "tanh")(inputs))
    outputs = layers.Dense(2)(layers.Flatten()(hidden))
    model = keras_gc.GCModel(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(1.0),
        lambda y, y_pred: 0 * ops.sum(y_pred, axis=-1),
        gc_weight=1.0,
        gc_estimator=estimator,
    )
    before = [ops.convert_to_numpy(v) for v in model.trainable_variables]
    before = [value.copy() for value in before]
    model.train_on_batch(X, np.zeros((6, 1)))
    return np.concatenate([
        (a - ops.convert_to_numpy(v)).ravel()
        for a, v in zip(before, model.trainable_variables, strict=True)
    ])


@pytest.mark.parametrize("name", NORMALIZATIONS)
@double_precision()
def test_forward_and_reverse_mode_have_one_gradient(name):
    reverse, forward = (
        gradient(NORMALIZATIONS[name], estimator)
        for estimator in ("exact_reverse", "exact_forward")
    )
    # The loss, and so the weights' gradient, is summed in float32.
    scale = np.abs(reverse).max()
    np.testing.assert_allclose(forward, reverse, atol=1e-5 * scale)
