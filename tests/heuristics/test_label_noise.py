"""LabelNoise: as many wrong labels as the rate says, spread over the others."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_gc
from keras_gc.heuristics import LabelNoise
from tests.heuristics.steps import assert_normal

COUNT = 20000


def corrupt(noise, y, output_shape):
    """Noisy targets of a model with outputs of that shape."""
    inputs = keras.Input(output_shape)
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    x = ops.zeros((len(y), *output_shape))
    seed = keras.random.SeedGenerator(0)
    return ops.convert_to_numpy(noise.corrupt(x, y, model, seed)[1])


def assert_rate(hits, rate):
    """Within 5 standard errors: a false alarm in 10^6 runs."""
    error = np.sqrt(rate * (1 - rate) / hits.size)
    assert abs(hits.mean() - rate) <= 5 * error


@pytest.mark.parametrize(
    ("shape", "output_shape", "dtype"),
    [
        ((COUNT,), (4,), "int64"),
        ((COUNT, 1), (4,), "int32"),
        ((COUNT // 5, 5), (5, 4), "uint8"),  # a label for each position
    ],
    ids=str,
)
def test_class_ids(shape, output_shape, dtype):
    y = np.full(shape, 2, dtype)
    noisy = corrupt(LabelNoise(0.3), y, output_shape)
    assert noisy.shape == shape
    assert noisy.dtype == dtype or keras.config.backend() == "jax"  # 32 bits
    assert_rate(noisy != 2, 0.3)
    for other in (0, 1, 3):
        assert_rate(noisy == other, 0.1)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_one_hot_rows(dtype):
    y = np.eye(4, dtype=dtype)[np.full(COUNT, 2)]
    noisy = corrupt(LabelNoise(0.3), y, (4,))
    np.testing.assert_array_equal(noisy.sum(axis=1), 1)
    assert_rate(noisy[:, 2] == 0, 0.3)
    for other in (0, 1, 3):
        assert_rate(noisy[:, other] == 1, 0.1)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_one_hot_rows_of_a_length_that_the_model_leaves_open(dtype):
    inputs = keras.Input((None, 4))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    y = np.eye(4, dtype=dtype)[np.full((COUNT // 5, 5), 2)]
    seed = keras.random.SeedGenerator(0)
    x = ops.zeros(y.shape)
    noisy = ops.convert_to_numpy(LabelNoise(0.3).corrupt(x, y, model, seed)[1])
    np.testing.assert_array_equal(noisy.sum(axis=-1), 1)
    assert_rate(noisy[..., 2] == 0, 0.3)


@pytest.mark.parametrize("dtype", ["int32", "bool"])
@pytest.mark.parametrize("shape", [(COUNT,), (COUNT, 1)], ids=str)
def test_one_output_has_two_classes(shape, dtype):
    noisy = corrupt(LabelNoise(0.3), np.ones(shape, dtype), (1,))
    assert_rate(noisy == 0, 0.3)
    assert set(np.unique(noisy)) == {0, 1}


def test_rate_one_never_keeps_and_rate_zero_always():
    y = np.arange(COUNT) % 3
    assert (corrupt(LabelNoise(1), y, (3,)) != y).all()
    np.testing.assert_array_equal(corrupt(LabelNoise(0), y, (3,)), y)


def test_ids_that_are_no_class_stay():
    y = np.array([-1, 255, 0, 2])
    noisy = corrupt(LabelNoise(1), y, (3,))
    np.testing.assert_array_equal(noisy[:2], [-1, 255])
    assert (noisy[2:] != y[2:]).all()


def test_regression_targets_get_gaussian_noise():
    y = np.full((COUNT, 2), 3.0, "float32")
    noisy = corrupt(LabelNoise(stddev=0.5), y, (2,))
    assert_normal((noisy - 3).ravel() / 0.5)


def test_metrics_compare_with_the_clean_labels():
    class Fixed(keras_gc.GCModel):  # subclassed: its shape is found by a call
        def call(self, x):
            return x + 0 * self.scale(x)

        def __init__(self):
            super().__init__()
            self.scale = keras.layers.Dense(3)

    y = np.arange(30) % 3
    x = 20 * np.eye(3)[y]
    model = Fixed()
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        heuristics=[LabelNoise(1.0)],
    )
    history = model.fit(x, y, verbose=0).history
    assert history["accuracy"] == [1]
    np.testing.assert_allclose(history["loss"], 20, rtol=1e-5)


@pytest.mark.parametrize(
    "arguments", [{}, {"rate": 0.1, "stddev": 0.1}], ids=str
)
def test_exactly_one_of_rate_and_stddev_is_given(arguments):
    with pytest.raises(ValueError, match="exactly one of `rate`"):
        LabelNoise(**arguments)


def test_a_rate_is_a_probability():
    with pytest.raises(ValueError, match="number >= 0 and <= 1"):
        LabelNoise(1.5)


def test_targets_of_the_other_kind_are_refused_with_the_cure():
    ids, values = np.zeros(4, "int32"), np.zeros(4, "float32")
    with pytest.raises(TypeError, match=r"LabelNoise\(rate=...\)`"):
        corrupt(LabelNoise(stddev=0.1), ids, (3,))
    with pytest.raises(TypeError, match=r"y.astype\('int32'\)"):
        corrupt(LabelNoise(rate=0.1), values, (3,))
    with pytest.raises(TypeError, match=r"LabelNoise\(stddev=...\)`"):
        corrupt(LabelNoise(rate=0.1), values[:, None], (1,))


@pytest.mark.parametrize("y", [None, [np.zeros(2), np.zeros(2)]], ids=str)
def test_one_target_is_needed(y):
    with pytest.raises(ValueError, match="acts on one target"):
        LabelNoise(0.1).corrupt(None, y, None, None)
