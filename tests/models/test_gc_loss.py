"""`gc_loss` in a train step of one's own takes the steps of `GCModel`."""

import warnings

import keras
import numpy as np
import pytest
from keras import ops

import keras_gc

BACKEND = keras.config.backend()
MODES = [{"run_eagerly": True}, {"jit_compile": False}]
if BACKEND != "torch":
    MODES.append({"jit_compile": True})
CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
X = np.random.default_rng(0).normal(size=(24, 5)).astype("float32")
Y = np.arange(24) % 3
SCHEDULE = keras.optimizers.schedules.PolynomialDecay(0.3, 6, 0.1)


def updated_metrics(model, total, y, y_pred):
    """Update all metrics as Keras's guide does, and return their values."""
    for metric in model.metrics:
        if metric.name == "loss":
            metric.update_state(total)
        else:
            metric.update_state(y, y_pred)
    return {m.name: m.result() for m in model.metrics}


class TensorFlowStep(keras_gc.GCModel):
    """Keras's guide to a train step of one's own, and one term more."""

    def train_step(self, data):
        import tensorflow as tf

        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(
                y=y, y_pred=y_pred, sample_weight=sample_weight
            )
            total = loss + self.gc_loss(x, sample_weight, loss=loss)
        gradients = tape.gradient(total, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return updated_metrics(self, total, y, y_pred)


class TorchStep(keras_gc.GCModel):
    """The same for torch."""

    def train_step(self, data):
        import torch

        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(
            y=y, y_pred=y_pred, sample_weight=sample_weight
        )
        total = loss + self.gc_loss(x, sample_weight, loss=loss)
        total.backward()
        gradients = [v.value.grad for v in self.trainable_weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, self.trainable_weights)
        return updated_metrics(self, total, y, y_pred)


class JAXStep(keras_gc.GCModel):
    """The same for JAX."""

    def total_loss(
        self, trainable, non_trainable, metrics, optimizer, x, y, sample_weight
    ):
        y_pred, non_trainable = self.stateless_call(
            trainable, non_trainable, x, training=True
        )
        loss = self.compute_loss(
            y=y, y_pred=y_pred, sample_weight=sample_weight
        )
        gc_loss, metrics = self.stateless_gc_loss(
            trainable,
            non_trainable,
            metrics,
            x,
            sample_weight,
            loss=loss,
            optimizer_variables=optimizer,
        )
        return loss + gc_loss, (y_pred, non_trainable, metrics)

    def train_step(self, state, data):
        import jax

        trainable, non_trainable, optimizer, metrics = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        (total, (y_pred, non_trainable, metrics)), gradients = (
            jax.value_and_grad(self.total_loss, has_aux=True)(
                trainable,
                non_trainable,
                metrics,
                optimizer,
                x,
                y,
                sample_weight,
            )
        )
        trainable, optimizer = self.optimizer.stateless_apply(
            optimizer, gradients, trainable
        )
        logs, new = {}, []
        for metric in self.metrics:
            values = metrics[len(new) : len(new) + len(metric.variables)]
            given = (total,) if metric.name == "loss" else (y, y_pred)
            values = metric.stateless_update_state(values, *given)
            logs[metric.name] = metric.stateless_result(values)
            new += values
        return logs, (trainable, non_trainable, optimizer, new)


OwnStep = {"tensorflow": TensorFlowStep, "torch": TorchStep, "jax": JAXStep}
OwnStep = OwnStep[BACKEND]


def model(cls, hidden=(), **compile_arguments):
    keras.utils.set_random_seed(7)
    inputs = keras.Input((5,))
    x = keras.layers.Dense(8, activation="tanh")(inputs)
    for layer in hidden:
        x = layer(x)
    m = cls(inputs, keras.layers.Dense(3)(x))
    m.compile(
        keras.optimizers.SGD(0.1), CROSSENTROPY, metrics=["accuracy"],
        **compile_arguments,
    )  # fmt: skip
    return m


def fit(m, epochs=2, **arguments):
    """Nothing may be said, least of all that GC was left out."""
    arguments = {"batch_size": 8, "shuffle": False, "verbose": 0, **arguments}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return m.fit(X, Y, epochs=epochs, **arguments).history


def weights(m):
    return [ops.convert_to_numpy(v) for v in m.trainable_variables]


def assert_same_training(one, other, **arguments):
    expected, found = fit(other, **arguments), fit(one, **arguments)
    if "train_step" in vars(type(one)):  # has both parts of the loss in hand
        expected.pop("loss_without_gc", None)
    assert set(found) == set(expected) >= {"loss", "gc", "accuracy"}
    for key, values in expected.items():
        np.testing.assert_allclose(found[key], values, rtol=1e-4)
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_every_mode_takes_the_steps_of_gc_model(mode):
    arguments = {"gc_weight": 0.3, **mode}
    assert_same_training(
        model(OwnStep, **arguments), model(keras_gc.GCModel, **arguments)
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"gc_weight": 0.3, "gc_estimator": "exact_reverse"},
        {"gc_weight": 0.3, "gc_estimator": "sampled_outputs"},
        {"gc_weight": 0.3, "gc_fraction": 0.5},
        {"gc_weight": SCHEDULE},
        {"gc_target": 0.5},
        {},
    ],
    ids=" and ".join,
)
def test_what_compile_is_told_holds(arguments):
    one, other = (
        model(cls, **arguments) for cls in (OwnStep, keras_gc.GCModel)
    )
    assert_same_training(one, other, validation_data=(X, Y))


def test_sample_weights_and_the_weight_of_one_fit():
    keep = np.linspace(0, 2, 24).astype("float32")
    one, other = model(OwnStep), model(keras_gc.GCModel)
    assert_same_training(one, other, gc_weight=0.3, sample_weight=keep)
    assert_same_training(one, other, gc_weight=0.1)


@pytest.mark.parametrize("name", ["Dropout", "BatchNormalization"])
def test_layers_that_train_otherwise(name):
    """The loss has Dropout's mask, GC has none; state moves once a step."""

    def layer():
        if name == "Dropout":
            return keras.layers.Dropout(0.5, seed=3)
        return keras.layers.BatchNormalization()

    one, other = (
        model(cls, [layer()], gc_weight=0.3)
        for cls in (OwnStep, keras_gc.GCModel)
    )
    assert_same_training(one, other)
    for a, b in zip(
        one.non_trainable_variables, other.non_trainable_variables, strict=True
    ):
        np.testing.assert_allclose(
            ops.convert_to_numpy(a), ops.convert_to_numpy(b), rtol=1e-4
        )


def test_gc_is_added_once_where_gc_model_adds_it():
    """In `compute_loss`, which GCModel's own step calls too."""

    class InTheLoss(keras_gc.GCModel):
        def compute_loss(
            self, x=None, y=None, y_pred=None, sample_weight=None, training=True
        ):
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
            return loss + self.gc_loss(x)

    one, other = (
        model(cls, gc_weight=0.3) for cls in (InTheLoss, keras_gc.GCModel)
    )
    assert_same_training(one, other, validation_data=(X, Y))


def test_a_target_needs_the_loss():
    m = model(keras_gc.GCModel, gc_target=0.5)
    x = ops.convert_to_tensor(X)
    with pytest.raises(ValueError, match=r"gc_loss\(x, loss=loss\)"):
        stateless(m, x)


def number(tensor):
    return float(ops.convert_to_numpy(tensor))


def stateless(m, x):
    groups = (m.trainable_variables, m.non_trainable_variables,
              m.metrics_variables)  # fmt: skip
    return m.stateless_gc_loss(*([v.value for v in g] for g in groups), x)


def test_compile_comes_first():
    m = keras_gc.GCSequential([keras.Input((5,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match=r"compile\(\)` before `gc_loss"):
        m.gc_loss(ops.convert_to_tensor(X))


def test_in_a_loop_of_ones_own():
    """Outside of `fit`, with the closed form of a linear map."""
    keras.utils.set_random_seed(1)
    m = keras_gc.GCSequential([keras.Input((5,)), keras.layers.Dense(3)])
    m.compile("sgd", "mse", gc_weight=0.3, gc_estimator="exact_reverse")
    expected = 0.3 * np.sum(weights(m)[0].astype("float64") ** 2)
    gc_loss, metrics = stateless(m, ops.convert_to_tensor(X))
    np.testing.assert_allclose(number(gc_loss), expected, rtol=1e-5)
    assert len(metrics) == len(m.metrics_variables)
    assert float(m.gc_tracker.result()) == 0  # nothing was assigned
    if BACKEND != "jax":
        gc_loss = m.gc_loss(ops.convert_to_tensor(X))
        np.testing.assert_allclose(number(gc_loss), expected, rtol=1e-5)
        np.testing.assert_allclose(
            float(m.gc_tracker.result()), expected / 0.3, rtol=1e-5
        )


def test_the_weight_of_a_fit_ends_with_it():
    m = model(keras_gc.GCModel, gc_estimator="exact_reverse")
    m.compile("sgd", CROSSENTROPY, gc_weight=0.3, gc_estimator="exact_reverse")
    x = ops.convert_to_tensor(X)
    fit(m, epochs=1, gc_weight=0.6)
    gc = keras_gc.geometric_complexity(m, X)
    np.testing.assert_allclose(
        number(stateless(m, x)[0]), 0.3 * gc.value, rtol=1e-4
    )


@pytest.mark.skipif(BACKEND != "jax", reason="variables are read in the trace")
@pytest.mark.parametrize("weight", [0.3, SCHEDULE], ids=["number", "schedule"])
def test_constants_are_not_taken_for_variables(weight):
    """A gradient of 0, or a schedule that stands still, would be silent."""
    m = model(keras_gc.GCModel, gc_weight=weight)
    x = ops.convert_to_tensor(X)
    with pytest.raises(ValueError, match="stateless_gc_loss"):
        m.gc_loss(x)
    with pytest.raises(ValueError, match="stateless_gc_loss"):
        with keras.StatelessScope():
            m.gc_loss(x)
    if weight is SCHEDULE:
        with pytest.raises(ValueError, match="optimizer_variables"):
            stateless(m, x)
