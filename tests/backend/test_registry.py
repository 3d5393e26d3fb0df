"""TensorFlow's own tables: what it takes for constant, and what draws."""

import re

import keras
import numpy as np
import pytest

from keras_gc import backend
from tests.modes import BACKEND, MODES, compiled

if BACKEND != "tensorflow":
    pytest.skip("TensorFlow's registries", allow_module_level=True)

import tensorflow as tf
from tensorflow.python.framework import op_def_registry, ops

from keras_gc.backend.tensorflow.differential import SILENTLY_CONSTANT
from keras_gc.backend.tensorflow.operations import operation_types
from keras_gc.backend.tensorflow.random_state import DRAWING

# Gradients in name only: their results are handles and shapes.
NO_NUMBERS = {
    "BroadcastGradientArgs",
    "StopGradient",
    "TensorArrayGrad",
    "TensorArrayGradV2",
    "TensorArrayGradV3",
    "TensorArrayGradWithShape",
}


def test_every_gradient_that_is_taken_for_constant_is_known():
    registry = ops.gradient_registry
    silent = {
        name
        for name in registry.list()
        if "Grad" in name and registry.lookup(name) is None
    }
    assert silent - NO_NUMBERS == SILENTLY_CONSTANT


def test_every_operation_that_draws_from_its_own_state_is_known():
    stateful = {
        name
        for name in dir(tf.raw_ops)
        if (definition := op_def_registry.get(name)) is not None
        and definition.is_stateful
    }
    draws = re.compile("Random|Stateful|Sampl|Multinomial|Truncated|Shuffle")
    other = re.compile("Dataset|Generator|Queue|GetAlg|PartitionedCall")
    drawing = {
        name
        for name in stateful
        if draws.search(name) and not other.search(name)
    }
    assert drawing == DRAWING


def squared_pullback(function, x):
    outputs, _, pullback = backend.vjp(lambda x: (function(x), None), x)
    return tf.reduce_sum(tf.square(pullback(tf.ones_like(outputs))))


def curved(resampled):
    return lambda x: tf.tanh(resampled(x))


CASES = {
    "ResizeBilinearGrad": curved(lambda x: tf.image.resize(x, (5, 5))),
    "FakeQuantWithMinMaxArgsGradient": curved(
        lambda x: tf.quantization.fake_quant_with_min_max_args(x, -1, 1)
    ),
    "FakeQuantWithMinMaxVarsGradient": curved(
        lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -1.0, 1.0)
    ),
    "FakeQuantWithMinMaxVarsPerChannelGradient": curved(
        lambda x: tf.quantization.fake_quant_with_min_max_vars_per_channel(
            x, [-1.0] * 3, [1.0] * 3
        )
    ),
    "SparseAddGrad": curved(
        lambda x: tf.sparse.to_dense(
            tf.sparse.add(tf.sparse.from_dense(x), tf.sparse.from_dense(x))
        )
    ),
    "in_a_function": tf.function(
        curved(lambda x: tf.image.resize(x, (5, 5))), autograph=False
    ),
    "in_a_loop": curved(
        lambda x: tf.while_loop(
            lambda i, x: i < 2,
            lambda i, x: (i + 1, tf.image.resize(x, (5, 5))[:, :3, :3]),
            (0, x),
            maximum_iterations=2,
        )[1]
    ),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CASES)
def test_a_second_derivative_that_would_be_wrong_is_refused(name, mode):
    if (mode, name) == ("xla", "SparseAddGrad"):
        pytest.skip("XLA has no sparse operations")
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 3, 3))
    x = tf.constant(x, "float32")
    # The values themselves are right, and may be used.
    value = compiled(mode, lambda x: squared_pullback(CASES[name], x))(x)
    assert value > 0
    variable = keras.Variable(1.0)

    def gradients(x):
        return backend.value_and_gradients(
            lambda: (squared_pullback(CASES[name], variable * x), None),
            [variable],
        )

    with pytest.raises(ValueError, match=r"FiniteDifference\(\)"):
        compiled(mode, gradients)(x)


@pytest.mark.parametrize("mode", MODES)
def test_the_types_of_a_block_and_no_others(mode):
    seen = []

    def run(x):
        x = tf.sin(x)
        with operation_types() as types:
            x = tf.cos(x)
        seen.append(types)
        return tf.tan(x)

    compiled(mode, run)(tf.ones(3))
    assert "Cos" in seen[0]
    assert not {"Sin", "Tan"} & seen[0]
