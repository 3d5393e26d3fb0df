"""What a difference of outputs needs: a derivative, and the same noise."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_gc import estimators
from tests.modes import BACKEND, MODES, compiled
from tests.penalty import penalty

X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


class Broken(layers.Layer):
    def call(self, x):
        return ops.cast(ops.cast(10 * x, "int32"), "float32")


class Noise(layers.Layer):
    """Draws from the framework's global generator, not from a Keras seed."""

    def call(self, x):
        if BACKEND == "tensorflow":
            import tensorflow as tf

            return x + tf.random.uniform(tf.shape(x))
        import torch

        return x + torch.rand(x.shape)


def model_with(layer):
    return keras.Sequential([keras.Input((4,)), layer, layers.Dense(3, "tanh")])


@pytest.mark.parametrize("mode", MODES)
def test_a_broken_path_raises_instead_of_0(mode):
    model = model_with(Broken())
    run = penalty(model, estimators.FiniteDifference(), mode)
    with pytest.raises(ValueError, match="a broken path"):
        run(X)


@pytest.mark.parametrize("mode", MODES)
def test_a_derivative_is_looked_for_once(mode):
    model, calls = model_with(layers.Dense(4)), []

    def counted(x):
        calls.append(len(x.shape))
        return model(x)

    estimator = estimators.FiniteDifference()
    run = compiled(mode, lambda x: estimator(counted, x, 3)[1], model.variables)
    run(ops.convert_to_tensor(X))
    first = len(calls)
    run(ops.convert_to_tensor(X))
    assert first == 3  # one for the derivative, two for the difference
    assert len(calls) - first == (2 if mode == "eager" else 0)


@pytest.mark.skipif(BACKEND != "torch", reason="torch's generator")
def test_evaluations_share_noise_from_the_global_generator():
    import torch

    model, noisy = model_with(layers.Dense(4)), model_with(Noise())
    noisy.layers[-1].set_weights(model.layers[-1].get_weights())
    estimator = estimators.FiniteDifference(2, 0.01)
    _, values = estimator(noisy, X, 3)
    _, exact = estimators.ExactForward()(noisy, X, 3)
    # Independent noise would give about (0.3 / 0.01)^2.
    assert ops.max(values) < 10 * ops.max(exact)
    before = torch.get_rng_state()
    estimator(noisy, X, 3)
    assert (torch.get_rng_state() != before).any()  # as after one evaluation


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's state")
@pytest.mark.parametrize("mode", MODES)
def test_noise_that_cannot_be_drawn_again_is_refused(mode):
    model = model_with(Noise())
    run = penalty(model, estimators.FiniteDifference(), mode)
    with pytest.raises(ValueError, match="operation RandomUniform"):
        run(X)


@pytest.mark.parametrize("mode", MODES)
def test_evaluations_share_noise_from_a_keras_seed(mode):
    model = model_with(layers.GaussianNoise(1.0))
    estimator = estimators.FiniteDifference(2, 0.01)
    run = compiled(
        mode,
        lambda x: estimator(lambda x: model(x, training=True), x, 3)[1],
        model.variables,
        [v for v in model.variables if "seed" in v.path],
    )
    values = ops.convert_to_numpy(run(ops.convert_to_tensor(X)))
    bound = np.sum(model.get_weights()[0] ** 2)  # tanh is 1-Lipschitz
    assert values.max() < 10 * bound
