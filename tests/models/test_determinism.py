"""The same seed gives the same numbers, twice in each mode."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_gc
from tests.modes import MODES

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = np.arange(12) % 3


def network():
    inputs = keras.Input((4,))
    hidden = layers.Dropout(0.3)(layers.Dense(6, "tanh")(inputs))
    return inputs, layers.Dense(3)(hidden)


def trained(mode, seed):
    """Return the weights and the logs of a fit with everything that draws."""
    keras.utils.set_random_seed(seed)
    model = keras_gc.GCModel(*network())
    model.compile(
        "adam",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        gc_weight=0.1,
        gc_estimator=keras_gc.estimators.SampledOutputs(),
        gc_fraction=0.5,
        heuristics=[
            keras_gc.heuristics.InputNoise(0.1),
            keras_gc.heuristics.LabelNoise(rate=0.2),
            keras_gc.heuristics.WeightNoise(0.1),
        ],
        run_eagerly=mode == "eager",
        jit_compile=mode in {"jit", "xla"},
    )
    logs = model.fit(X, Y, batch_size=4, epochs=2, verbose=0).history
    return [*model.get_weights(), logs["loss"], logs["gc"]]


@pytest.mark.parametrize("mode", MODES)
def test_a_fit_is_the_same_twice(mode):
    first, second, other = (trained(mode, seed) for seed in (1, 1, 2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[-1], other[-1])


@pytest.mark.parametrize("estimator", ["hutchinson", "sampled_outputs"])
def test_a_measurement_is_the_same_twice(estimator):
    model = keras.Model(*network())

    def norms(seed):
        return keras_gc.jacobian_norms(model, X, estimator=estimator, seed=seed)

    np.testing.assert_array_equal(norms(1), norms(1))
    assert not np.array_equal(norms(1), norms(2))
