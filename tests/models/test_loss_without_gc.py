"""`loss` holds the penalty, `loss_without_gc` does not."""

import keras
import numpy as np
import pytest

import keras_gc

BACKEND = keras.config.backend()
MODES = [{"run_eagerly": True}, {"jit_compile": False}]
if BACKEND != "torch":
    MODES.append({"jit_compile": True})
X = np.random.default_rng(0).normal(size=(20, 5)).astype("float32")
Y = np.arange(20) % 3


def model(cls=keras_gc.GCModel, learning_rate=0.0, **compile_arguments):
    keras.utils.set_random_seed(7)
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(8, activation="tanh")(inputs)
    m = cls(inputs, keras.layers.Dense(3)(hidden))
    m.compile(
        keras.optimizers.SGD(learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **compile_arguments,
    )
    return m


def fit(m, **arguments):
    return m.fit(X, Y, batch_size=8, verbose=0, **arguments).history


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_it_is_the_loss_of_an_evaluation(mode):
    """While the weights rest; the last batch is a smaller one."""
    m = model(gc_weight=0.3, gc_estimator="exact_reverse", **mode)
    history = fit(m, epochs=2, validation_data=(X, Y))
    np.testing.assert_allclose(
        history["loss_without_gc"], history["val_loss"], rtol=1e-5
    )
    np.testing.assert_allclose(
        np.subtract(history["loss"], history["loss_without_gc"]),
        0.3 * np.array(history["gc"]),
        rtol=1e-4,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"gc_weight": keras.optimizers.schedules.ExponentialDecay(9.0, 1, 0.5)},
        {"gc_target": 1e-3},
        {"gc_weight": 0.3, "heuristics": [keras_gc.heuristics.LabelNoise(0.0)]},
    ],
    ids=["schedule", "target", "heuristic"],
)
def test_a_weight_that_changes_is_taken_off_as_it_was(arguments):
    history = fit(model(**arguments), epochs=2, validation_data=(X, Y))
    np.testing.assert_allclose(
        history["loss_without_gc"], history["val_loss"], rtol=1e-5
    )
    assert history["loss"][1] > 1.05 * history["loss_without_gc"][1]


def test_it_is_there_when_there_is_a_penalty():
    m = model()
    assert set(fit(m)) == {"loss", "gc"}
    assert set(fit(m, gc_weight=0.1)) == {"loss", "loss_without_gc", "gc"}
    assert set(fit(m)) == {"loss", "gc"}
    m = model(gc_weight=0.1)
    logs = m.evaluate(X, Y, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "gc"}
    assert np.ndim(m.train_on_batch(X, Y)) == 0
    assert set(fit(model(gc_weight=0.1, gc_metric=False))) == {"loss"}


def test_a_step_of_ones_own_knows_it_itself():
    class Own(keras_gc.GCModel):
        def train_step(self, *args):
            return super().train_step(*args)

    assert set(fit(model(Own, gc_weight=0.1))) == {"loss", "gc"}


def test_it_begins_anew_with_each_epoch_and_each_file(tmp_path):
    m = model(gc_weight=0.3, learning_rate=0.1)
    history = fit(m, epochs=3)["loss_without_gc"]
    assert history[2] < history[1] < history[0]
    m.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    histories = [fit(each, shuffle=False) for each in (m, again)]
    np.testing.assert_allclose(
        histories[0]["loss_without_gc"],
        histories[1]["loss_without_gc"],
        rtol=1e-6,
    )
    m.save_weights(tmp_path / "m.weights.h5")
    model(gc_metric=False).load_weights(tmp_path / "m.weights.h5")
