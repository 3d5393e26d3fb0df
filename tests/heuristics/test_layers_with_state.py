"""Layers that assign variables in their forward pass, under heuristics."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gc
from keras_gc.heuristics import SAM, GradientPenalty, WeightNoise
from tests.cases import LAYERS


def stateful(make):
    return lambda: make(3, stateful=True)


# The rows of `LAYERS` that do so, and what these rows lack.
WITH_STATE = {
    **{
        name: LAYERS[name]
        for name in ("BatchNormalization", "SpectralNormalization")
    },
    # On torch a Dropout without a seed draws from torch's own generator.
    "Dropout": ((4,), lambda: layers.Dropout(0.5, seed=1)),
    "SpectralNormalization of a convolution": (
        (4, 4, 2),
        lambda: layers.SpectralNormalization(layers.Conv2D(3, 2)),
    ),
    "stateful SimpleRNN": ((3, 2), stateful(layers.SimpleRNN)),
    "stateful GRU": ((3, 2), stateful(layers.GRU)),
    "stateful LSTM": ((3, 2), stateful(layers.LSTM)),
    "GaussianNoise": ((4,), lambda: layers.GaussianNoise(0.5)),
    "GaussianDropout": ((4,), lambda: layers.GaussianDropout(0.5)),
    "AlphaDropout": ((4,), lambda: layers.AlphaDropout(0.5)),
    "SpatialDropout1D": ((3, 2), lambda: layers.SpatialDropout1D(0.5)),
}
if keras.config.backend() == "torch":  # Keras itself cannot train these there
    del WITH_STATE["stateful GRU"], WITH_STATE["stateful LSTM"]
# With strength 0 each of them leaves the plain step.
ZERO = [
    SAM(0.0),
    WeightNoise(0.0, seed=1),
    GradientPenalty(0.0, "exact"),
    GradientPenalty(0.0, "forward_difference"),
]
SIZE = 6


def built(cls, name):
    """Two Dense layers around the layer: what it does must reach a weight."""
    keras.utils.set_random_seed(3)
    shape, make = WITH_STATE[name]
    inputs = keras.Input(batch_shape=(SIZE, *shape))
    x = make()(layers.Dense(shape[-1], "tanh")(inputs))
    model = cls(inputs, layers.Dense(2)(layers.Flatten()(x)))
    for generator in seeds(model):
        generator.state.assign(ops.array([5, 0], generator.state.dtype))
    return model


def seeds(model):
    return [
        layer.seed_generator
        for layer in model.layers
        if getattr(layer, "seed_generator", None) is not None
    ]


def data(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(SIZE, *WITH_STATE[name][0])).astype("float32")
    return x, rng.normal(size=(SIZE, 2)).astype("float32")


def after_a_step(cls, name, **settings):
    model = built(cls, name)
    model.compile(keras.optimizers.SGD(0.1), "mse", **settings)
    start = values(model)
    model.train_on_batch(*data(name))
    return start, values(model)


def values(model):
    return [
        ops.convert_to_numpy(v.value).astype("float64") for v in model.weights
    ]


# A weight never holds noise, so what a layer makes of a noisy weight is not
# kept either, where Keras keeps the normalised kernel.
NOISY_KERNEL = {
    (name, 1) for name in WITH_STATE if name.startswith("SpectralNorm")
}


@pytest.mark.parametrize(
    ("name", "heuristic"),
    [
        pytest.param(name, heuristic, id=f"{name}-{heuristic!r}")
        for name in WITH_STATE
        for index, heuristic in enumerate(ZERO)
        if (name, index) not in NOISY_KERNEL
    ],
)
def test_a_step_of_strength_zero_is_that_of_keras(name, heuristic):
    start, expected = after_a_step(keras.Model, name)
    _, found = after_a_step(
        keras_gc.GCModel, name, heuristics=[heuristic], gc_metric=False
    )
    assert len(start) == len(found)
    for old, one, other in zip(start, found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
        assert old.ndim < 2 or np.abs(other - old).max() > 0


@pytest.mark.parametrize(
    "heuristic",
    [SAM(0.3), WeightNoise(0.1, seed=1), GradientPenalty(0.3)],
    ids=repr,
)
def test_a_spectrally_normalised_kernel_is_trained(heuristic):
    name = "SpectralNormalization"
    _, plain = after_a_step(keras.Model, name)
    _, found = after_a_step(
        keras_gc.GCModel, name, heuristics=[heuristic], gc_metric=False
    )
    (kernel,) = [
        index
        for index, variable in enumerate(built(keras.Model, name).weights)
        if "spectral" in variable.path and variable.path.endswith("kernel")
    ]
    change = np.abs(found[kernel] - plain[kernel]).max()
    # Noisy weights are not kept as they are normalised: the kernel stays
    # longer than the plain one.
    assert 1e-4 < change < np.abs(plain[kernel]).max()
