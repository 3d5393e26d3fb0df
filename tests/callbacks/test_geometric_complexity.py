"""GC in the History of a stock keras.Model."""

import keras
import numpy as np
import pytest

import keras_gc

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(12, 2)).astype("float32")


def model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    return model


def test_history_holds_gc_after_each_epoch():
    values = []
    m = model()
    measure = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: values.append(
            float(keras_gc.geometric_complexity(m, X))
        )
    )
    gc = keras_gc.callbacks.GeometricComplexity(X)
    history = m.fit(
        X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[gc, measure]
    ).history
    np.testing.assert_allclose(history["gc"], values, rtol=1e-6)
    assert [step for step, _ in gc.history] == [3, 6, 9]


def test_every_n_batches_keeps_a_finer_record():
    gc = keras_gc.callbacks.GeometricComplexity(X, every=2, name="complexity")
    history = (
        model()
        .fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[gc])
        .history
    )
    assert [step for step, _ in gc.history] == [2, 3, 4, 6]
    assert history["complexity"] == [gc.history[1][1], gc.history[3][1]]


@pytest.mark.skipif(
    keras.config.backend() == "torch",
    reason="Keras's torch trainer runs one step at a time",
)
def test_steps_are_batches_when_several_run_at_once():
    m = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    m.compile("sgd", "mse", steps_per_execution=2)
    gc = keras_gc.callbacks.GeometricComplexity(X, every=3)
    m.fit(X, Y, batch_size=1, epochs=2, verbose=0, callbacks=[gc])
    # Every third batch, or the end of the two that it is among.
    steps = [4, 6, 10, 12]
    assert [step for step, _ in gc.history] == steps + [12 + s for s in steps]


def test_training_is_left_as_it_is():
    fits = []
    for callbacks in ([], [keras_gc.callbacks.GeometricComplexity(X, 1)]):
        keras.utils.set_random_seed(1)
        m = model()
        m.fit(X, Y, batch_size=4, verbose=0, callbacks=callbacks)
        fits.append(m.get_weights()[0])
    np.testing.assert_array_equal(*fits)


@pytest.mark.parametrize("every", [0, -1, "batch", 1.5])
def test_a_bad_interval_is_named(every):
    with pytest.raises((ValueError, TypeError), match="every"):
        keras_gc.callbacks.GeometricComplexity(X, every=every)
