"""A target instead of a weight: GC is held, and the weight follows."""

import json
import os
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from keras import ops

import keras_gc
from keras_gc.models.gc_target import GCTarget

BACKEND = keras.config.backend()
MODES = [{"run_eagerly": True}, {"jit_compile": False}]
if BACKEND != "torch":
    MODES.append({"jit_compile": True})
EXACT = {"gc_estimator": "exact_reverse"}


def data(examples=64):
    """Responses of a linear map W of ||W||^2 = 20, with a little noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(examples, 5)).astype("float32")
    true = rng.normal(size=(5, 3))
    true *= np.sqrt(20) / np.linalg.norm(true)
    y = x @ true + 0.1 * rng.normal(size=(examples, 3))
    return x, y.astype("float32")


def linear(optimizer=None, layers=(), **compile_arguments):
    """One Dense layer: its GC is the squared norm of its kernel."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((5,))
    x = inputs
    for layer in layers:
        x = layer(x)
    model = keras_gc.GCModel(inputs, keras.layers.Dense(3, name="last")(x))
    model.compile(optimizer or keras.optimizers.SGD(0.05), "mse",
                  **{**EXACT, **compile_arguments})  # fmt: skip
    return model


def fit(model, epochs=60, laps=1, **arguments):
    """Train for epochs of so many laps: an epoch costs more than its steps."""
    arguments = {"batch_size": 16, "shuffle": False, "verbose": 0, **arguments}
    x, y = (np.tile(a, (laps, 1)) for a in data())
    return model.fit(x, y, epochs=epochs, **arguments).history


def gc_of(model):
    kernel = ops.convert_to_numpy(model.get_layer("last").kernel)
    return float(np.sum(kernel.astype("float64") ** 2))


def weights(model):
    return [ops.convert_to_numpy(v) for v in model.trainable_variables]


def assert_equal(one, other, **tolerance):
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


@pytest.mark.parametrize("target", [10.0, 0.1])
def test_gc_ends_at_the_target(target):
    """All examples in a batch: nothing moves at the end but the weight."""
    m = linear(gc_target=target)
    history = fit(m, 6, laps=100, batch_size=64)
    np.testing.assert_allclose(gc_of(m), target, rtol=0.01)
    np.testing.assert_allclose(history["gc"][-1], target, rtol=0.01)


@pytest.mark.filterwarnings("ignore:To hold GC")  # the loss may rise for long
def test_gc_is_the_target_on_average_where_batches_pull_it_about():
    """At a small GC, one step of SGD moves it by a seventh."""
    m = linear(gc_target=0.1)
    history = fit(m, 10, laps=10)
    np.testing.assert_allclose(history["gc"][-1], 0.1, rtol=0.01)


def test_the_weight_ends_at_the_multiplier_of_the_constraint():
    """The kernel minimises L + gc_weight * ||W||^2: ridge regression."""
    m = linear(gc_target=5.0)
    weight = fit(m, 4, laps=100, batch_size=64)["gc_weight"][-1]
    x, y = (a.astype("float64") for a in data())
    x, y = x - x.mean(0), y - y.mean(0)
    n, k = y.shape
    # The gradient of mean((x W - y)^2) + weight ||W||^2 is 0 at this W.
    ridge = np.linalg.solve(x.T @ x / (n * k) + weight * np.eye(5),
                            x.T @ y / (n * k))  # fmt: skip
    np.testing.assert_allclose(np.sum(ridge**2), 5.0, rtol=0.02)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_every_mode_takes_the_same_steps(mode):
    m, other = linear(gc_target=0.5, **mode), linear(gc_target=0.5)
    history, expected = fit(m, 2), fit(other, 2)
    assert history["gc_weight"][0] > 0
    for key in ("loss", "gc", "gc_weight"):
        np.testing.assert_allclose(history[key], expected[key], rtol=1e-4)
    assert_equal(m, other, rtol=1e-4, atol=1e-5)


def test_a_target_that_does_not_bind_leaves_training_as_it_is():
    m, plain = linear(gc_target=1e3), linear()
    history = fit(m, epochs=5)
    assert history["gc_weight"] == [0.0] * 5
    np.testing.assert_allclose(
        history["loss"], fit(plain, epochs=5)["loss"], rtol=1e-6
    )
    assert_equal(m, plain, rtol=1e-6, atol=1e-7)


def test_the_weight_goes_back_to_zero_when_the_constraint_holds():
    m = linear()
    assert fit(m, 6, 10, gc_target=5.0)["gc_weight"][-1] > 0
    assert fit(m, 16, laps=10, gc_target=1e3)["gc_weight"][-1] == 0
    np.testing.assert_allclose(gc_of(m), 20, rtol=0.1)


@pytest.mark.parametrize("factor", [1e-4, 1e4])
def test_the_units_of_the_loss_make_no_difference(factor):
    """L and a L with a learning rate of 1 / a are the same training."""
    m = linear(gc_target=5.0)
    m.compile(
        keras.optimizers.SGD(0.05 / factor),
        lambda y, y_pred: factor * keras.losses.mean_squared_error(y, y_pred),
        gc_target=5.0, **EXACT,
    )  # fmt: skip
    one = linear(gc_target=5.0)
    histories = [fit(each, epochs=20) for each in (m, one)]
    np.testing.assert_allclose(
        np.array(histories[0]["gc_weight"]) / factor,
        histories[1]["gc_weight"],
        rtol=1e-2,
    )
    assert_equal(m, one, rtol=1e-2, atol=1e-3)


def test_logs_hold_the_weight_in_training_alone():
    m, (x, y) = linear(gc_target=0.5), data()
    history = fit(m, epochs=2, validation_data=(x, y))
    of_training = {"loss", "loss_without_gc", "gc", "gc_weight"}
    assert set(history) == {*of_training, "val_loss", "val_gc"}
    assert history["gc_weight"][1] > 0
    logs = m.evaluate(x, y, verbose=0, return_dict=True)
    assert set(logs) == set(m.test_on_batch(x, y, return_dict=True))
    assert set(logs) == {"loss", "gc"}
    logs = m.train_on_batch(x, y, return_dict=True)
    assert set(logs) == of_training
    assert np.ndim(m.evaluate(x, y, verbose=0)) == 0
    assert set(fit(linear(gc_target=5.0, gc_metric=False), 1)) == {"loss"}


def test_the_logged_loss_holds_the_penalty():
    """Of the second step: the first has no weight yet."""
    m, (x, y) = linear(gc_target=0.5), data()
    m.train_on_batch(x, y)
    m.reset_metrics()
    loss, gc = np.mean((m.predict(x, verbose=0) - y) ** 2), gc_of(m)
    logs = m.train_on_batch(x, y, return_dict=True)
    assert logs["gc_weight"] > 0
    np.testing.assert_allclose(
        logs["loss"], loss + logs["gc_weight"] * gc, rtol=1e-5
    )


def test_fit_overrides_what_compile_was_told():
    m = linear(gc_target=5.0)
    assert "gc_weight" not in fit(m, 2, gc_weight=0.1)
    assert "gc_weight" in fit(m, 2)
    fit(m, 3, laps=80, gc_target=2.0, batch_size=64)
    np.testing.assert_allclose(gc_of(m), 2, rtol=0.02)
    m = linear(gc_weight=0.1)
    fit(m, 3, laps=80, gc_target=2.0, batch_size=64)
    np.testing.assert_allclose(gc_of(m), 2, rtol=0.02)
    assert "gc_weight" not in fit(m, 1)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (0, ValueError),
        (-1.0, ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        ("low", TypeError),
        (True, TypeError),
        (np.ones(3), TypeError),
        (lambda step: 1.0, TypeError),
    ],
    ids=[
        "zero",
        "negative",
        "nan",
        "inf",
        "word",
        "bool",
        "array",
        "function",
    ],  # fmt: skip
)
def test_a_bad_target_is_named(target, error):
    sentence = "`gc_target` must be a finite number > 0. Received: gc_target="
    with pytest.raises(error, match=sentence):
        linear(gc_target=target)
    with pytest.raises(error, match=sentence):
        fit(linear(), 1, gc_target=target)


@pytest.mark.parametrize(
    "weight",
    [0.1, keras.Variable(0.1), lambda step: 0.1],
    ids=["number", "variable", "schedule"],
)
def test_weight_and_target_together_are_refused(weight):
    with pytest.raises(ValueError, match="`gc_weight` or `gc_target`, not"):
        linear(gc_weight=weight, gc_target=5.0)
    with pytest.raises(ValueError, match="`gc_weight` or `gc_target`, not"):
        fit(linear(), 1, gc_weight=weight, gc_target=5.0)


def test_a_target_needs_compile():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((5,))
    m = keras_gc.GCModel(inputs, keras.layers.Dense(3)(inputs))
    with pytest.raises(ValueError, match="compile"):
        m.fit(*data(), gc_target=5.0)


def test_the_target_survives_saving(tmp_path):
    m = linear(gc_target=5.0)
    fit(m, 5)
    config = json.loads(json.dumps(m.get_compile_config()))
    assert config["gc_target"] == 5.0
    m.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert again.gc_settings.gc_target == 5.0
    histories = [fit(each, 3)["gc_weight"] for each in (m, again)]
    np.testing.assert_allclose(*histories, rtol=1e-6)


@pytest.mark.parametrize("settings", [{}, EXACT, {"gc_fraction": 0.5}], ids=str)
def test_interrupted_training_goes_on_as_if_it_had_not_been(tmp_path, settings):
    """BackupAndRestore: 2 + 2 epochs equal 4, with the probes' seeds."""

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def new():
        return linear(gc_target=0.5, **{"gc_estimator": "auto", **settings})

    whole = new()
    history = fit(whole, 4)
    backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
    with pytest.raises(KeyboardInterrupt):
        fit(new(), 4, callbacks=[backup, Interrupt()])
    keras.utils.set_random_seed(99)
    resumed = new()
    resumed.gc_tracker.seed.state.assign([7, 7])
    rest = fit(resumed, 4, callbacks=[backup])
    assert history["gc_weight"][2] > 0
    for key in ("loss", "gc", "gc_weight"):
        np.testing.assert_allclose(rest[key], history[key][2:], rtol=1e-5)
    assert_equal(whole, resumed, rtol=1e-5)


def test_plain_models_share_the_weight_files(tmp_path):
    inputs = keras.Input((5,))
    plain = keras.Model(inputs, keras.layers.Dense(3, name="last")(inputs))
    m, path = linear(gc_target=5.0), tmp_path / "m.weights.h5"
    fit(m, 2)
    m.save_weights(path)
    plain.compile("sgd", "mse")
    plain.load_weights(path)
    assert_equal(m, plain, rtol=0)
    plain.save_weights(path)
    other = linear(gc_target=5.0)
    other.load_weights(path)
    assert_equal(m, other, rtol=0)


def test_gradient_accumulation_meets_the_target():
    m = linear(keras.optimizers.SGD(0.05, gradient_accumulation_steps=4),
               gc_target=5.0)  # fmt: skip
    fit(m, 4, laps=80)
    np.testing.assert_allclose(gc_of(m), 5, rtol=0.02)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_meets_the_target(policy):
    keras.config.set_dtype_policy(policy)
    try:
        m = linear(gc_target=5.0)
    finally:
        keras.config.set_dtype_policy("float32")
    history = fit(m, 10, laps=10)
    np.testing.assert_allclose(history["gc"][-1], 5, rtol=0.03)


@pytest.mark.parametrize("name", ["Dropout", "BatchNormalization"])
def test_layers_that_train_otherwise(name):
    layer = {
        "Dropout": lambda: keras.layers.Dropout(0.2, seed=1),
        "BatchNormalization": keras.layers.BatchNormalization,
    }[name]()
    history = fit(linear(layers=[layer], gc_target=5.0), 8, laps=10)
    np.testing.assert_allclose(history["gc"][-1], 5, rtol=0.1)


def test_heuristics_take_part():
    sam = keras_gc.heuristics.SAM(0.05)
    history = fit(linear(heuristics=[sam], gc_target=5.0), 6, laps=10)
    np.testing.assert_allclose(history["gc"][-1], 5, rtol=0.05)


def test_a_batch_of_nan_does_not_stick_to_the_weight():
    target = GCTarget()
    target.target.assign(5.0)
    for gc in (10.0, 10.0, np.nan, np.inf, 10.0):
        target.follow(ops.convert_to_tensor(gc), ops.convert_to_tensor(1.0))
    assert 0 < float(ops.convert_to_numpy(target.weight)) < np.inf


def epochs_of(target, losses, ascents):
    """Let epochs of 20 steps go by, with a GC of 10."""
    for loss, weight in zip(losses, ascents, strict=True):
        for _ in range(20):
            target.weight.assign(weight)
            target.follow(
                ops.convert_to_tensor(10.0),
                ops.convert_to_tensor(loss + 10 * weight),
            )
        target.look_back()
        target.reset_state()


def test_a_ruined_training_is_told_once():
    target = GCTarget()
    target.target.assign(5.0)
    with pytest.warns(UserWarning, match="larger `gc_target`") as caught:
        epochs_of(target, [2.0, 2.1, 2.2, 2.3, 2.4], [1.0, 2.0, 4.0, 8.0, 16.0])
    said = [w for w in caught if issubclass(w.category, UserWarning)]
    assert len(said) == 1


@pytest.mark.parametrize(
    ("losses", "ascents"),
    [
        ([2.0, 1.9, 1.8, 1.7], [1.0, 2.0, 4.0, 8.0]),
        ([2.0, 2.1, 2.2, 2.3], [1.0, 1.0, 1.0, 1.0]),
        ([2.0, 2.1, 2.0, 2.1, 2.2], [1.0, 2.0, 4.0, 8.0, 16.0]),
        ([2.0, 2.1, 2.2, 2.3], [0.0, 0.0, 0.0, 0.0]),
    ],
    ids=["it falls", "the weight rests", "up and down", "no weight"],
)
def test_other_trainings_are_not(losses, ascents):
    target = GCTarget()
    target.target.assign(5.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        epochs_of(target, losses, ascents)


def test_fit_warns_of_a_target_that_costs_the_model_what_it_learns():
    """A loss that grows with the GC it would need."""
    x, y = data()
    m = linear()
    fit(m, 50)  # to the least loss
    with pytest.warns(UserWarning, match="gc_target=0.01"):
        m.fit(x, y, epochs=8, batch_size=2, verbose=0, gc_target=0.01)


# Logical devices must be set before TensorFlow starts: a process of its own.
MIRRORED = """
import os, sys
sys.path.insert(0, {here!r})
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
import numpy as np
import test_target as t
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
one = t.linear(gc_target=5.0)
expected = t.fit(one, 6)
with strategy.scope():
    m = t.linear(gc_target=5.0)
history = t.fit(m, 6)
for key in ("loss", "gc", "gc_weight"):
    np.testing.assert_allclose(history[key], expected[key], rtol=1e-4)
weight = m.gc_tracker.target.weight.value
copies = [v.numpy() for v in strategy.experimental_local_results(weight)]
assert copies[0] == copies[1] > 0, copies
print("mirrored equals single")
"""


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.distribute")
def test_replicas_follow_one_weight():
    here = os.path.dirname(__file__)
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED.format(here=here)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert "mirrored equals single" in done.stdout, done.stderr[-3000:]
