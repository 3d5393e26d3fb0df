"""Which models need a second forward pass, in inference mode."""

import inspect

import keras
import numpy as np
import pytest

from keras_gc.models import training_mode
from keras_gc.models.training_mode import depends_on_training, mixes_examples

SAME = {
    "dense": lambda: keras.layers.Dense(3),
    "dropout 0": lambda: keras.layers.Dropout(0.0),
    "layer norm": lambda: keras.layers.LayerNormalization(),
    "lstm": lambda: keras.layers.LSTM(2),
    "bidirectional": lambda: keras.layers.Bidirectional(keras.layers.GRU(2)),
    "nested": lambda: keras.Sequential([keras.layers.Dense(2)]),
}
SAME["lambda"] = lambda: keras.layers.Lambda(lambda x: 2 * x)
DIFFERENT = {
    "dropout": lambda: keras.layers.Dropout(0.5),
    "noise": lambda: keras.layers.GaussianNoise(0.5),
    "batch norm": lambda: keras.layers.BatchNormalization(),
    "lstm dropout": lambda: keras.layers.LSTM(2, dropout=0.5),
    "nested": lambda: keras.Sequential([keras.layers.Dropout(0.5)]),
    "lambda": lambda: keras.layers.Lambda(
        lambda x, training=None: x * (10.0 if training else 1.0)
    ),
    "time distributed": lambda: keras.layers.TimeDistributed(
        keras.layers.Dropout(0.5)
    ),
}


class Own(keras.layers.Layer):
    def call(self, x, training=None):
        return x


def model_of(layer):
    return keras.Sequential([keras.Input((4, 3)), layer])


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_the_same_function_in_training(make):
    model = model_of(make())
    assert not depends_on_training(model)
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    np.testing.assert_allclose(
        *(
            keras.ops.convert_to_numpy(model(x, training=mode))
            for mode in (True, False)
        ),
        atol=1e-6,
    )


@pytest.mark.parametrize("make", DIFFERENT.values(), ids=DIFFERENT)
def test_another_function_in_training(make):
    assert depends_on_training(model_of(make()))


def test_a_layer_of_ones_own_that_asks_for_the_mode_is_taken_to_use_it():
    assert depends_on_training(model_of(Own()))


def test_batch_normalization_mixes_examples():
    assert mixes_examples(model_of(keras.layers.BatchNormalization()))
    assert not mixes_examples(model_of(keras.layers.Dropout(0.5)))


def test_every_layer_that_takes_training_is_in_one_of_the_tables():
    """A new layer of Keras fails here: find out what it does in training."""
    tables = (
        training_mode.SAME,
        training_mode.DIFFERENT,
        training_mode.DIFFERENT_BY_RATE.keys(),
    )
    known = [name for table in tables for name in table]
    assert len(known) == len(set(known))
    decided_otherwise = {"Lambda"}  # by its function
    takes_training = {
        name
        for name, cls in vars(keras.layers).items()
        if inspect.isclass(cls)
        and issubclass(cls, keras.layers.Layer)
        and cls.__name__ == name
        and "training" in inspect.signature(cls.call).parameters
    }
    assert takes_training - set(known) - decided_otherwise == set()


@pytest.mark.parametrize("name", sorted(training_mode.DIFFERENT_BY_RATE))
def test_a_layer_by_its_rate_has_that_attribute(name):
    parameters = inspect.signature(getattr(keras.layers, name)).parameters
    for rate in training_mode.DIFFERENT_BY_RATE[name]:
        assert rate in parameters or "kwargs" in parameters
