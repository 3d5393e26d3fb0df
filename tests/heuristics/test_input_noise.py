"""InputNoise is Gaussian, fresh in each step, and on floating inputs only."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_gc
from keras_gc.heuristics import InputNoise
from tests.heuristics.steps import MODES, assert_normal


def corrupt(noise, x):
    seed = keras.random.SeedGenerator(0)
    return noise.corrupt(x, None, None, seed)[0]


def test_noise_has_mean_zero_and_the_given_deviation():
    x = np.full((100, 1000), 3.0, "float32")
    noisy = ops.convert_to_numpy(corrupt(InputNoise(0.5), x))
    assert_normal((noisy - 3).ravel() / 0.5)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_it_adds_gc_to_the_squared_error(mode):
    # f = x w has no curvature: E ||f(x + s e) - f(x)||^2 = s^2 GC, exactly.
    w = np.array([[1.0], [-2.0], [2.0]])
    x = np.random.default_rng(0).normal(size=(40000, 3))
    model = keras_gc.GCSequential([
        keras.Input((3,)),
        keras.layers.Dense(1, use_bias=False),
    ])
    model.compile(
        keras.optimizers.SGD(0.0), "mse", heuristics=[InputNoise(0.5)], **mode
    )
    model.set_weights([w])
    losses = []
    for _ in range(2):
        logs = model.train_on_batch(x, x @ w, return_dict=True)
        np.testing.assert_allclose(logs["gc"], 9, rtol=1e-5)
        losses.append(logs["loss"])
    # A squared normal number has standard deviation sqrt(2); 5 of the mean's:
    # a false alarm in 10^6 runs.
    np.testing.assert_allclose(losses, 0.25 * 9, rtol=5 * np.sqrt(2 / 40000))
    assert losses[0] != losses[1]


def test_only_floating_inputs_get_noise():
    x = {
        "tokens": np.ones((2, 3), "int32"),
        "image": np.ones((2, 3), "float32"),
    }
    noisy = corrupt(InputNoise(0.5), x)
    np.testing.assert_array_equal(noisy["tokens"], x["tokens"])
    assert (ops.convert_to_numpy(noisy["image"]) != 1).all()


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_integer_inputs_are_refused_with_the_cure(dtype):
    with pytest.raises(TypeError, match="floating point inputs.*GaussianNoise"):
        corrupt(InputNoise(0.5), np.ones((2, 3), dtype))


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`stddev` must be a finite number >="):
        InputNoise(-1.0)
    with pytest.raises(TypeError, match="`seed` must be an int or None"):
        InputNoise(1.0, seed=0.5)
