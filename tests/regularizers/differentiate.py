"""Value and gradient of a function of one array, in every mode there is."""

import keras
import numpy as np

from tests.modes import BACKEND
from tests.oracles import jax_x64


def value_and_gradient(function, x, mode="eager"):
    if BACKEND == "tensorflow":
        import tensorflow as tf

        def both(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = function(x)
            return value, tape.gradient(value, x)

        if mode != "eager":
            both = tf.function(both, jit_compile=mode == "xla")
        value, gradient = both(tf.convert_to_tensor(x))
    elif BACKEND == "jax":
        import jax

        both = jax.value_and_grad(function)
        value, gradient = (jax.jit(both) if mode == "jit" else both)(x)
    else:
        x = keras.ops.convert_to_tensor(x).detach().clone().requires_grad_()
        value = function(x)
        value.backward()
        gradient = x.grad
    return (
        float(keras.ops.convert_to_numpy(value)),
        keras.ops.convert_to_numpy(gradient),
    )


def float64(x):
    """Return a tensor of float64, also where Keras would make it float32."""
    return keras.ops.convert_to_tensor(x, dtype="float64")


def assert_gradient_of(function, x, rtol=1e-6):
    """Compare with central differences along three directions, in float64."""
    with jax_x64():
        _, gradient = value_and_gradient(function, float64(x))
        for seed in range(3):
            step = 1e-6 * np.random.default_rng(seed).standard_normal(x.shape)
            above = float(function(float64(x + step)))
            difference = above - float(function(float64(x - step)))
            np.testing.assert_allclose(
                2 * np.sum(gradient * step), difference, rtol=rtol
            )
