"""Jacobian products on each layer, in each way that a framework runs code."""

import contextlib

import numpy as np
import pytest

import keras_gc
from keras_gc.estimators import ExactReverse, FiniteDifference
from tests.cases import LAYERS, layer_model
from tests.modes import BACKEND, MODES
from tests.oracles import double_precision, squared_norms
from tests.penalty import assert_gradients_match_differences, penalty

# Operations that the framework cannot differentiate twice.
NO_SECOND_DERIVATIVE = {
    "tensorflow": {
        "softsign",
        "UpSampling2D_bilinear",
        "UpSampling2D_bicubic",
        "Resizing_bilinear",
        "Resizing_nearest",
    },
    "jax": set(),
    "torch": {"hard_sigmoid"},
}[BACKEND]
# Layers without a float64 kernel on TensorFlow (some under XLA only).
FLOAT32_ONLY = {
    "tensorflow": {
        "MaxPooling1D",
        "MaxPooling2D",
        "MaxPooling3D",
        "AveragePooling3D",
        "UpSampling2D_bilinear",
        "UpSampling2D_bicubic",
        "Resizing_bilinear",
    },
    "jax": set(),
    "torch": set(),
}[BACKEND]
# Layers that compute in float32 on JAX, whatever they are told.
FLOAT32_INSIDE = {
    "tensorflow": set(),
    "jax": {
        "MultiHeadAttention",
        "MultiHeadAttention_causal",
        "GroupQueryAttention",
    },
    "torch": set(),
}[BACKEND]
# XLA takes seconds for each model: one layer of each kind.
ON_XLA = {
    "Dense",
    "Conv2D_strided_same",
    "Conv2DTranspose",
    "Conv3D",
    "DepthwiseConv2D",
    "MaxPooling2D",
    "MaxPooling3D",
    "AveragePooling3D",
    "BatchNormalization",
    "LayerNormalization",
    "SpectralNormalization",
    "gelu",
    "softmax",
    "UpSampling2D_nearest",
    "SimpleRNN",
    "MultiHeadAttention",
}


def modes(name):
    """All modes but those that take long: see the tables above."""
    if BACKEND == "jax":
        return ("jit",)
    left_out = set() if name in ON_XLA else {"xla"}
    return tuple(mode for mode in MODES if mode not in left_out)


def spread_out(batch, shape):
    """Return inputs far from each other: differences keep their order."""
    rng = np.random.default_rng(0)
    values = np.linspace(-2, 2, np.prod(shape))
    rows = np.stack([rng.permutation(values) for _ in range(batch)])
    return rows.reshape(batch, *shape)


@contextlib.contextmanager
def case(name):
    """Yield `(model, x, step, tolerance)` of a row of `LAYERS`."""
    single = name in FLOAT32_ONLY
    with contextlib.nullcontext() if single else double_precision():
        model = layer_model(name)
        x = spread_out(3, LAYERS[name][0])
        if single:
            yield model, x.astype("float32"), 1e-2, 2e-3
        elif name in FLOAT32_INSIDE:
            yield model, x, 1e-2, 1e-3
        else:
            yield model, x, 1e-6, 1e-7


@pytest.mark.parametrize("name", LAYERS)
def test_layer_agrees_with_dense_jacobian_in_value_and_gradient(name):
    with case(name) as (model, x, step, tolerance):
        expected = squared_norms(model, x, step)
        if name in NO_SECOND_DERIVATIVE:
            values = keras_gc.jacobian_norms(
                model, x, estimator="exact_reverse"
            )
            np.testing.assert_allclose(values, expected, rtol=tolerance)
            return
        for mode in modes(name):
            run = penalty(model, ExactReverse(), mode)
            values, _ = run(x)
            np.testing.assert_allclose(values, expected, rtol=tolerance)
            assert_gradients_match_differences(model, run, x, step, tolerance)


@pytest.mark.parametrize("name", sorted(NO_SECOND_DERIVATIVE))
def test_penalty_without_second_derivative_names_the_cure(name):
    with case(name) as (model, x, _, _):
        for mode in modes(name):
            with pytest.raises(ValueError, match=r"FiniteDifference\(\)"):
                penalty(model, ExactReverse(), mode)(x)


@pytest.mark.parametrize("name", sorted(NO_SECOND_DERIVATIVE))
def test_the_cure_works(name):
    with case(name) as (model, x, step, tolerance):
        estimator = FiniteDifference(step_size=0.1)
        for mode in modes(name):
            run = penalty(model, estimator, mode)
            assert_gradients_match_differences(model, run, x, step, tolerance)
