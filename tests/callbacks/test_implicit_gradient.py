"""The implicit gradient penalty after each epoch, beside GC."""

import keras
import numpy as np

from keras_gc.callbacks import GeometricComplexity, ImplicitGradientPenalty
from keras_gc.theory import implicit_gradient_penalty


def fit(igr, epochs):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 4)), rng.normal(size=(20, 2))
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    callbacks = [GeometricComplexity(x), igr(x, y)]
    history = model.fit(
        x, y, epochs=epochs, shuffle=False, callbacks=callbacks, verbose=0
    )
    return history.history, model, x, y


def test_history_has_the_value_after_each_epoch():
    history, *_ = fit(ImplicitGradientPenalty, 2)
    assert set(history) == {"loss", "gc", "igr"}
    expected = []
    for epochs in (1, 2):
        _, model, x, y = fit(ImplicitGradientPenalty, epochs)
        expected.append(implicit_gradient_penalty(model, x, y))
    np.testing.assert_allclose(history["igr"], expected, rtol=1e-5)
    assert expected[0] != expected[1]


def test_arguments_reach_the_measurement():
    def igr(x, y):
        return ImplicitGradientPenalty(
            x, y, name="flat", learning_rate=0.4, batch_size=5
        )

    history, model, x, y = fit(igr, 1)
    expected = implicit_gradient_penalty(model, x, y, 0.4, batch_size=5)
    np.testing.assert_allclose(history["flat"], [expected], rtol=1e-5)


def test_a_model_may_be_built_by_its_first_batch():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 4)), rng.normal(size=(20, 2))
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    igr = ImplicitGradientPenalty(x, y)
    history = model.fit(x, y, callbacks=[igr], verbose=0).history
    expected = implicit_gradient_penalty(model, x, y)
    np.testing.assert_allclose(history["igr"], [expected], rtol=1e-5)
