"""One training run, the same in every process and on every device."""

import keras
import numpy as np

import keras_gc

ESTIMATORS = ("exact_reverse", "sampled_outputs")


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 6)).astype("float32")
    weight = rng.uniform(0.5, 1.5, 32).astype("float32")
    return x, rng.integers(0, 8, 32), weight


def model(estimator="exact_reverse", *, seed=5, layers=(), **compile_args):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((6,))
    x = keras.layers.Dense(16, activation="tanh")(inputs)
    for layer in layers:
        x = layer()(x)
    model = keras_gc.GCModel(inputs, keras.layers.Dense(8)(x))
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        gc_weight=0.1,
        gc_estimator=estimator,
        **compile_args,
    )
    return model


def train(model):
    """Return the weights and the history."""
    x, y, weight = data()
    history = model.fit(
        x, y, batch_size=8, epochs=2, shuffle=False, verbose=0,
        sample_weight=weight, validation_data=(x, y),
    ).history  # fmt: skip
    weights = [keras.ops.convert_to_numpy(v) for v in model.weights]
    return weights, history


def assert_same(one, other, atol=1e-5):
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_allclose(a, b, atol=atol)
    for key in ("loss", "gc", "val_gc", "val_loss"):
        np.testing.assert_allclose(
            one[1][key], other[1][key], rtol=1e-4, err_msg=key
        )
