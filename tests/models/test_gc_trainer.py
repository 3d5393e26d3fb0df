"""Training with GC in the loss: the step, its state and what it reports."""

import json

import keras
import numpy as np
import pytest
from keras import ops

import keras_gc
from keras_gc import estimators

BACKEND = keras.config.backend()
# Keras's torch trainer compiles through torch.compile, which has no double
# backward; there, jit_compile=True is refused (tested below).
MODES = [{"run_eagerly": True}, {"jit_compile": False}]
if BACKEND != "torch":
    MODES.append({"jit_compile": True})
EXACT = {"gc_estimator": "exact_reverse"}
CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def data(examples=12, features=5, classes=3, dtype="float32"):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(examples, features)).astype(dtype)
    return x, rng.integers(0, classes, examples)


def network(hidden=(), **kwargs):
    """A tanh network, the same at each call."""
    keras.utils.set_random_seed(7)
    inputs = keras.Input((5,), **kwargs)
    x = keras.layers.Dense(8, activation="tanh", name="features")(inputs)
    for layer in hidden:
        x = layer(x)
    return inputs, keras.layers.Dense(3, name="logits")(x)


def model(hidden=(), **compile_arguments):
    model = keras_gc.GCModel(*network(hidden))
    arguments = {"optimizer": keras.optimizers.SGD(0.1), "loss": CROSSENTROPY}
    model.compile(**{**arguments, **compile_arguments})
    return model


def weights(model):
    return [ops.convert_to_numpy(v) for v in model.trainable_variables]


def squared_norms(model, x):
    """||J||_F^2 of the tanh network, by hand, in float64."""
    first, bias, last, _ = (w.astype("float64") for w in weights(model)[:4])
    slope = 1 - np.tanh(x.astype("float64") @ first + bias) ** 2
    jacobian = np.einsum("ih,bh,hk->bik", first, slope, last)
    return (jacobian**2).sum(axis=(1, 2))


def loss_by_hand(model, x, y, gc_weight, sample_weight=None):
    """L + gc_weight * GC in float64."""
    first, b1, last, b2 = (w.astype("float64") for w in weights(model)[:4])
    logits = np.tanh(x @ first + b1) @ last + b2
    logits = logits - logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    each = -log_p[np.arange(len(y)), y]
    if sample_weight is None:
        sample_weight = np.ones(len(x))
    gc = np.average(squared_norms(model, x), weights=sample_weight)
    return np.mean(each * sample_weight) + gc_weight * gc, gc


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_step_follows_the_finite_difference_gradient(mode):
    x, y = data()
    m = model(gc_weight=0.3, **EXACT, **mode)
    before = weights(m)
    expected = []
    for index, weight in enumerate(before):
        gradient = np.zeros(weight.shape)
        for place in np.ndindex(weight.shape):
            sides = []
            for sign in (1, -1):
                moved = weight.astype("float64").copy()
                moved[place] += sign * 1e-5
                others = [w.astype("float64") for w in before]
                others[index] = moved
                sides.append(_loss_at(others, x, y, 0.3))
            gradient[place] = (sides[0] - sides[1]) / 2e-5
        expected.append(weight - 0.1 * gradient)
    m.train_on_batch(x, y)
    for new, right in zip(weights(m), expected, strict=True):
        np.testing.assert_allclose(new, right, atol=2e-6)


def _loss_at(values, x, y, gc_weight):
    class Fixed:
        trainable_variables = values

    return loss_by_hand(Fixed, x, y, gc_weight)[0]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_logs_are_the_loss_with_its_penalty_and_gc(mode):
    x, y = data()
    m = model(gc_weight=0.3, **EXACT, **mode)
    loss, gc = loss_by_hand(m, x, y, 0.3)
    logs = m.train_on_batch(x, y, return_dict=True)
    assert set(logs) == {"loss", "loss_without_gc", "gc"}
    np.testing.assert_allclose(logs["gc"], gc, rtol=1e-5)
    np.testing.assert_allclose(logs["loss"], loss, rtol=1e-5)


def test_gc_is_in_history_and_evaluate_as_measured():
    x, y = data()
    m = model(gc_weight=0.1, metrics=["accuracy"], **EXACT)
    history = m.fit(
        x, y, batch_size=4, epochs=2, validation_data=(x, y), verbose=0
    ).history
    assert set(history) == {
        "loss", "gc", "accuracy", "val_loss", "val_gc", "val_accuracy",
        "loss_without_gc",
    }  # fmt: skip
    measured = float(keras_gc.geometric_complexity(m, x))
    logs = m.evaluate(x, y, batch_size=5, return_dict=True, verbose=0)
    np.testing.assert_allclose(logs["gc"], measured, rtol=1e-5)
    np.testing.assert_allclose(history["val_gc"][-1], measured, rtol=1e-5)
    loss, _ = loss_by_hand(m, x, y, 0.0)
    np.testing.assert_allclose(logs["loss"], loss, rtol=1e-5)


def test_the_progress_bar_shows_gc(capsys):
    x, y = data()
    model().fit(x, y, verbose=1)
    assert "gc: " in capsys.readouterr().out


def test_fit_overrides_the_weight_for_one_fit_without_a_stale_trace():
    x, y = data()
    m = model(gc_weight=0.5, **EXACT)
    seen = []
    for override in (None, 0.0, 2.0, 0.25, None):
        right, _ = loss_by_hand(m, x, y, 0.5 if override is None else override)
        history = m.fit(
            x, y, batch_size=12, shuffle=False, verbose=0, gc_weight=override
        ).history
        np.testing.assert_allclose(history["loss"], [right], rtol=1e-5)
        seen.append(history["loss"][0])
    assert len(set(seen)) == 5


def test_changing_the_number_does_not_trace_again():
    x, y = data()
    m = model(gc_weight=0.5, **EXACT)
    m.fit(x, y, verbose=0)
    traced = m.train_function
    m.fit(x, y, verbose=0, gc_weight=0.1)
    assert m.train_function is traced


@pytest.mark.parametrize(
    "schedule",
    [
        lambda step: 0.1 * (1.0 + ops.cast(step, "float32")),
        keras.optimizers.schedules.PolynomialDecay(0.1, 2, 0.3),
    ],
    ids=["function", "schedule"],
)
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_schedule_sets_the_weight_of_each_step(schedule, mode):
    x, y = data()
    m = model(**EXACT, **mode)
    for step in range(3):
        right, _ = loss_by_hand(m, x, y, 0.1 * (1 + step))
        history = m.fit(x, y, batch_size=12, verbose=0, gc_weight=schedule)
        np.testing.assert_allclose(history.history["loss"], [right], rtol=1e-5)


@pytest.mark.skipif(BACKEND == "torch", reason="torch's steps are not traced")
def test_a_schedule_that_cannot_be_traced_is_refused_in_a_sentence():
    x, y = data()
    m = model(**EXACT)
    with pytest.raises(ValueError, match="keras.ops.where"):
        m.fit(x, y, verbose=0, gc_weight=lambda step: 1.0 if step < 5 else 0.0)


def test_a_schedule_that_fails_is_named():
    def schedule(step):
        raise KeyError("weight")

    x, y = data()
    sentence = (
        "A schedule given as `gc_weight` .*Received: .*KeyError: 'weight'"
    )
    with pytest.raises(ValueError, match=sentence):
        model(**EXACT).fit(x, y, verbose=0, gc_weight=schedule)


def test_sample_weights_weigh_loss_and_gc():
    x, y = data()
    sample_weight = np.linspace(0.1, 2, len(x)).astype("float32")
    m = model(gc_weight=0.3, **EXACT)
    loss, gc = loss_by_hand(m, x, y, 0.3, sample_weight)
    logs = m.train_on_batch(x, y, sample_weight, return_dict=True)
    np.testing.assert_allclose(logs["gc"], gc, rtol=1e-5)
    np.testing.assert_allclose(logs["loss"], loss, rtol=1e-5)


def test_an_example_of_weight_zero_does_not_count():
    x, y = data()
    sample_weight = np.array([1.0] * 6 + [0.0] * 6, "float32")
    m, part = model(gc_weight=0.3, **EXACT), model(gc_weight=0.3, **EXACT)
    logs = m.train_on_batch(x, y, sample_weight, return_dict=True)
    other = part.train_on_batch(x[:6], y[:6], return_dict=True)
    np.testing.assert_allclose(logs["gc"], other["gc"], rtol=1e-5)


def test_without_weight_and_metric_it_is_keras_model():
    x, y = data()
    plain = keras.Model(*network([keras.layers.Dropout(0.5, seed=1)]))
    plain.compile(keras.optimizers.SGD(0.1), CROSSENTROPY)
    m = model([keras.layers.Dropout(0.5, seed=1)], gc_metric=False)
    histories = [
        one.fit(x, y, batch_size=4, epochs=2, verbose=0, shuffle=False).history
        for one in (plain, m)
    ]
    assert histories[0] == histories[1]
    for a, b in zip(weights(plain), weights(m), strict=True):
        np.testing.assert_array_equal(a, b)
    assert m.evaluate(x, y, verbose=0) == plain.evaluate(x, y, verbose=0)


def test_measuring_alone_leaves_training_as_it_is():
    x, y = data()
    plain = keras.Model(*network())
    plain.compile(keras.optimizers.SGD(0.1), CROSSENTROPY)
    m = model()
    for one in (plain, m):
        one.fit(x, y, batch_size=4, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(weights(plain), weights(m), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_gc_metric_false_hides_the_key_and_keeps_the_penalty():
    x, y = data()
    m = model(gc_weight=0.3, gc_metric=False, **EXACT)
    loss, _ = loss_by_hand(m, x, y, 0.3)
    logs = m.train_on_batch(x, y, return_dict=True)
    assert set(logs) == {"loss"}
    np.testing.assert_allclose(logs["loss"], loss, rtol=1e-5)
    assert set(m.evaluate(x, y, verbose=0, return_dict=True)) == {"loss"}


def test_regularization_and_activity_losses_stay_in_the_loss():
    x, y = data()
    keras.utils.set_random_seed(7)
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(
        4, kernel_regularizer="l2", activity_regularizer="l1"
    )(inputs)
    outputs = keras.layers.Dense(3)(hidden)
    plain = keras.Model(inputs, outputs)
    m = keras_gc.GCModel.from_model(plain)
    for one, extra in ((plain, {}), (m, {"gc_weight": 0.1, **EXACT})):
        one.compile(keras.optimizers.SGD(0.0), CROSSENTROPY, **extra)
    without = plain.train_on_batch(x, y, return_dict=True)
    logs = m.train_on_batch(x, y, return_dict=True)
    np.testing.assert_allclose(
        logs["loss"], without["loss"] + 0.1 * logs["gc"], rtol=1e-5
    )


class TestForwardPasses:
    """How many, in which mode, and with which side effects."""

    def counting(self, **settings):
        calls = []

        class Count(keras.layers.Layer):
            def call(self, x):
                calls.append(1)
                return x

        m = model([Count()], run_eagerly=True, **settings)
        m.train_on_batch(*data())  # torch builds the loss with a pass
        calls.clear()
        return m, calls

    @pytest.mark.skipif(BACKEND == "jax", reason="JAX traces, it never counts")
    def test_one_pass_serves_loss_and_gc(self):
        x, y = data()
        m, calls = self.counting(gc_weight=0.1)
        m.train_on_batch(x, y)
        assert len(calls) == 1

    @pytest.mark.skipif(BACKEND == "jax", reason="JAX traces, it never counts")
    def test_a_fraction_takes_a_second_smaller_pass(self):
        x, y = data()
        m, calls = self.counting(gc_weight=0.1, gc_fraction=0.25)
        m.train_on_batch(x, y)
        assert len(calls) == 2

    @pytest.mark.parametrize("mode", MODES, ids=str)
    def test_batch_normalization_is_measured_in_inference_mode(self, mode):
        x, y = data()
        layer = keras.layers.BatchNormalization(momentum=0.5)
        m = model([layer], gc_weight=1e-6, **EXACT, **mode)
        m.optimizer.learning_rate = 0.0
        logs = m.train_on_batch(x, y, return_dict=True)
        # The statistics have moved in the step, before GC was computed.
        right = np.mean(keras_gc.jacobian_norms(m, x))
        np.testing.assert_allclose(logs["gc"], right, rtol=1e-4)

    @pytest.mark.parametrize("mode", MODES, ids=str)
    def test_statistics_are_updated_once(self, mode):
        x, y = data()
        moving = []
        for settings in ({"gc_metric": False}, {"gc_weight": 1e-6}):
            layer = keras.layers.BatchNormalization(momentum=0.5)
            model([layer], **settings, **mode).train_on_batch(x, y)
            moving.append(ops.convert_to_numpy(layer.moving_mean))
        np.testing.assert_allclose(*moving, atol=1e-6)

    def test_training_mode_with_batch_normalization_warns(self):
        with pytest.warns(UserWarning, match="gc_training=False"):
            model([keras.layers.BatchNormalization()], gc_training=True)

    @pytest.mark.parametrize("mode", MODES, ids=str)
    def test_training_mode_shares_the_dropout_mask(self, mode):
        """With all units dropped or kept together, GC is 0 or scaled by 4."""
        x, y = data(examples=1)
        dropout = keras.layers.Dropout(0.5, noise_shape=(1, 1), seed=3)
        m = model([dropout], gc_training=True, **EXACT, **mode)
        m.optimizer.learning_rate = 0.0
        kept = 4 * squared_norms(m, x)[0]
        seen = set()
        for _ in range(12):
            m.reset_metrics()  # Keras before 3.15 does not
            logs = m.train_on_batch(x, y, return_dict=True)
            value = float(logs["gc"])
            seen.add(value > 0)
            assert value == 0 or abs(value / kept - 1) < 1e-4
            # All dropped: the logits are the biases (zero), loss log 3.
            assert (value == 0) == (abs(float(logs["loss"]) - np.log(3)) < 1e-5)
        assert seen == {True, False}


def test_a_fraction_is_unbiased_over_all_rows():
    """Each row is drawn equally often: the mean over steps nears GC."""
    x, y = data()
    m = model(gc_weight=1e-6, gc_fraction=0.25, **EXACT)
    m.optimizer.learning_rate = 0.0
    norms = squared_norms(m, x)
    values = [
        float(m.train_on_batch(x, y, return_dict=True)["gc"]) for _ in range(60)
    ]
    error = norms.std() / np.sqrt(3 * 60)
    assert len(set(np.round(values, 6))) > 10
    assert abs(np.mean(values) - norms.mean()) < 4.5 * error


LOOKS = MODES if BACKEND == "torch" else [*MODES, {"steps_per_execution": 2}]


@pytest.mark.parametrize("mode", LOOKS, ids=str)
def test_a_watched_fit_measures_every_so_many_batches(mode):
    """Whole batches, the first of each epoch among them."""
    x, y = data(examples=28)
    still = keras.optimizers.SGD(0.0)
    m = model(gc_fraction=1 / 3, optimizer=still, **EXACT, **mode)
    norms = squared_norms(m, x).reshape(7, 4)
    fit = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    for _ in range(2):
        history = m.fit(x, y, **fit).history
        right = norms[[0, 3, 6]].mean()
        np.testing.assert_allclose(history["gc"], [right] * 2, rtol=1e-5)


def test_steps_draw_fresh_probes_and_seeds_repeat_them():
    x, y = data()
    runs = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        m = model(gc_estimator="hutchinson")
        m.optimizer.learning_rate = 0.0
        runs.append([
            float(m.train_on_batch(x, y, return_dict=True)["gc"])
            for _ in range(4)
        ])
    assert len(set(runs[0])) == 4
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    "name",
    sorted([
        "hutchinson",
        "sampled_outputs",
        "exact_forward",
        "finite_difference",
    ]),
)
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_every_estimator_trains_gc_down(name, mode):
    x, y = data(24)
    m = model(gc_estimator=name, optimizer=keras.optimizers.SGD(0.05), **mode)
    before = float(keras_gc.geometric_complexity(m, x))
    m.fit(x, y, batch_size=8, epochs=10, verbose=0, gc_weight=1.0)
    assert float(keras_gc.geometric_complexity(m, x)) < 0.5 * before


def test_sampled_outputs_learn_their_probabilities_in_training():
    x, y = data(24)
    m = model(gc_estimator="sampled_outputs")
    m.fit(x, y, batch_size=8, verbose=0)
    means = ops.convert_to_numpy(m.gc_settings.gc_estimator.mean_squares)
    assert means.shape == (3,)
    assert (means > 0).all()


def test_subclassed_models_build_in_their_first_step():
    class Net(keras_gc.GCModel):
        def __init__(self):
            super().__init__()
            self.first = keras.layers.Dense(4, activation="tanh")
            self.last = keras.layers.Dense(3)

        def call(self, x):
            return self.last(self.first(x))

    x, y = data()
    m = Net()
    m.compile("sgd", CROSSENTROPY, gc_weight=0.1)
    history = m.fit(x, y, epochs=2, verbose=0, validation_data=(x, y)).history
    of_training = {"loss", "loss_without_gc", "gc"}
    assert set(history) == {*of_training, "val_loss", "val_gc"}


def test_dict_inputs_and_several_outputs():
    keras.utils.set_random_seed(0)
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    both = keras.layers.Concatenate()([a, b])
    outputs = {
        "first": keras.layers.Dense(2, name="first")(both),
        "second": keras.layers.Dense(1, name="second")(both),
    }
    m = keras_gc.GCModel({"a": a, "b": b}, outputs)
    m.compile("sgd", "mse", gc_weight=0.1, **EXACT)
    x = {"a": np.ones((4, 2), "float32"), "b": np.ones((4, 3), "float32")}
    y = {"first": np.ones((4, 2)), "second": np.ones((4, 1))}
    right = sum((w**2).sum() for w in weights(m) if w.ndim == 2)
    logs = m.train_on_batch(x, y, return_dict=True)
    np.testing.assert_allclose(logs["gc"], right, rtol=1e-5)


def test_token_models_train_from_their_embedding():
    tokens = np.random.default_rng(0).integers(0, 20, (8, 6))
    y = np.arange(8) % 3
    inputs = keras.Input((6,), dtype="int32")
    x = keras.layers.Embedding(20, 4, name="embedding")(inputs)
    x = keras.layers.GlobalAveragePooling1D()(x)
    m = keras_gc.GCModel(inputs, keras.layers.Dense(3)(x))
    m.compile(
        "sgd", CROSSENTROPY, gc_weight=0.1, gc_inputs="embedding", **EXACT
    )
    right = (weights(m)[1] ** 2).sum() / 6
    logs = m.train_on_batch(tokens, y, return_dict=True)
    np.testing.assert_allclose(logs["gc"], right, rtol=1e-5)


def test_embedding_gc_is_measured_to_a_layer():
    x, y = data()
    m = model(gc_outputs="features", **EXACT)
    first, bias = (w.astype("float64") for w in weights(m)[:2])
    slope = 1 - np.tanh(x @ first + bias) ** 2
    right = np.mean(slope**2 @ (first**2).sum(axis=0))
    logs = m.train_on_batch(x, y, return_dict=True)
    np.testing.assert_allclose(logs["gc"], right, rtol=1e-5)


def test_a_softmax_is_stepped_over_in_training():
    x, y = data()
    inputs, logits = network()
    probabilities = keras.layers.Activation("softmax")(logits)
    m = keras_gc.GCModel(inputs, probabilities)
    m.compile(
        keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy",
        gc_weight=0.3, **EXACT,
    )  # fmt: skip
    loss, gc = loss_by_hand(m, x, y, 0.3)
    with pytest.warns(UserWarning, match="stepped over"):
        logs = m.train_on_batch(x, y, return_dict=True)
    np.testing.assert_allclose(logs["gc"], gc, rtol=1e-5)
    np.testing.assert_allclose(logs["loss"], loss, rtol=1e-5)


def test_a_crossentropy_over_hidden_logits_is_refused():
    class Net(keras_gc.GCModel):
        def __init__(self):
            super().__init__()
            self.last = keras.layers.Dense(3)

        def call(self, x):
            return ops.softmax(self.last(x))

    x, y = data()
    m = Net()
    m.compile("sgd", "sparse_categorical_crossentropy", gc_weight=0.1)
    with pytest.raises(ValueError, match="logits cannot be found"):
        m.fit(x, y, verbose=0)


class TestPrecision:
    @pytest.fixture(params=["mixed_float16", "mixed_bfloat16", "float64"])
    def policy(self, request):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(request.param)
        yield request.param
        keras.config.set_dtype_policy(before)

    def test_gc_is_accumulated_in_float32_or_better(self, policy):
        x, y = data()
        m = model(gc_weight=1e-2, **EXACT)
        right = squared_norms(m, x).mean()
        logs = m.train_on_batch(x, y, return_dict=True)
        rtol = {"float64": 1e-5}.get(policy, 3e-2)
        np.testing.assert_allclose(logs["gc"], right, rtol=rtol)
        assert keras.backend.standardize_dtype(m.gc_tracker.total.dtype) == (
            "float32"
        )


def test_small_penalties_survive_float16():
    """The penalty is inside the scaled loss: its gradient keeps its size."""
    x, y = data()
    before = keras.config.dtype_policy()
    moved = {}
    for policy in ("float32", "mixed_float16"):
        keras.config.set_dtype_policy(policy)
        try:
            m = model(
                gc_weight=1e-6,
                loss=lambda y, y_pred: 0.0 * ops.mean(y_pred, axis=-1),
                optimizer=keras.optimizers.SGD(1e4),
                **EXACT,
            )
        finally:
            keras.config.set_dtype_policy(before)
        start = weights(m)[0]
        m.train_on_batch(x, y)
        moved[policy] = weights(m)[0] - start
    error = np.linalg.norm(moved["mixed_float16"] - moved["float32"])
    assert error < 0.02 * np.linalg.norm(moved["float32"])


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=3),
        lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5),
    ],
    ids=["accumulation", "ema"],
)
def test_accumulation_and_averaging_give_what_keras_gives(optimizer):
    """The penalised step equals plain Keras with the penalty as a layer."""
    x, y = data()
    m = model(gc_weight=0.3, optimizer=optimizer(), **EXACT)
    eager = model(
        gc_weight=0.3, optimizer=optimizer(), run_eagerly=True, **EXACT
    )
    for one in (m, eager):
        one.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(weights(m), weights(eager), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_accumulated_steps_equal_one_large_batch():
    x, y = data()
    large = model(gc_weight=0.3, **EXACT)
    large.fit(x, y, batch_size=12, shuffle=False, verbose=0)
    small = model(
        gc_weight=0.3,
        optimizer=keras.optimizers.SGD(0.1, gradient_accumulation_steps=3),
        **EXACT,
    )
    small.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(weights(large), weights(small), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.skipif(BACKEND == "torch", reason="torch runs one step at a time")
def test_several_steps_per_execution_give_the_same():
    x, y = data()
    one = model(gc_weight=0.3, **EXACT)
    three = model(gc_weight=0.3, steps_per_execution=3, **EXACT)
    histories = [
        m.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history
        for m in (one, three)
    ]
    np.testing.assert_allclose(*[h["gc"] for h in histories], rtol=1e-5)
    for a, b in zip(weights(one), weights(three), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.skipif(BACKEND != "torch", reason="torch.compile")
def test_torch_compile_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="jit_compile=False"):
        model(gc_weight=0.1, jit_compile=True)


def test_nan_shows_and_does_not_stop_training():
    x, y = data()
    x[0, 0] = np.nan
    history = model(gc_weight=0.1).fit(x, y, epochs=2, verbose=0).history
    assert np.isnan(history["gc"]).all()
    stopped = model(gc_weight=0.1).fit(
        x, y, epochs=3, verbose=0,
        callbacks=[keras.callbacks.TerminateOnNaN()],
    )  # fmt: skip
    assert len(stopped.epoch) < 3


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"gc_weight": -1.0}, ValueError, "gc_weight"),
        ({"gc_weight": float("nan")}, ValueError, "gc_weight"),
        ({"gc_weight": "much"}, TypeError, "gc_weight"),
        ({"gc_fraction": 0.0}, ValueError, "gc_fraction"),
        ({"gc_fraction": 1.5}, ValueError, "gc_fraction"),
        ({"gc_estimator": "exact"}, ValueError, "hutchinson"),
        ({"gc_estimator": 3}, TypeError, "Estimator"),
        ({"gc_inputs": "nowhere"}, ValueError, "nowhere"),
        ({"gc_outputs": "nowhere"}, ValueError, "nowhere"),
    ],
    ids=str,
)
def test_bad_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        model(**settings)


def test_a_bad_weight_in_fit_is_named():
    x, y = data()
    with pytest.raises(ValueError, match="gc_weight"):
        model().fit(x, y, gc_weight=-1)


def test_integer_inputs_are_refused_with_a_cure():
    inputs = keras.Input((3,), dtype="int32")
    x = keras.layers.Embedding(5, 2, name="embedding")(inputs)
    m = keras_gc.GCModel(inputs, keras.layers.Flatten()(x))
    m.compile("sgd", "mse", gc_metric=True)
    with pytest.raises(TypeError, match="gc_inputs='NAME'"):
        m.fit(np.ones((4, 3), "int32"), np.ones((4, 6)), verbose=0)
    m.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="gc_inputs='NAME'"):
        history = m.fit(np.ones((4, 3), "int32"), np.ones((4, 6)), verbose=0)
    assert set(history.history) == {"loss"}


def test_a_model_without_trainable_weights_warns_as_keras_does():
    m = keras_gc.GCModel(*network())
    m.trainable = False
    m.compile("sgd", CROSSENTROPY, gc_weight=0.1)
    x, y = data()
    with pytest.warns(UserWarning, match="trainable weights"):
        logs = m.train_on_batch(x, y, return_dict=True)
    assert logs["gc"] > 0


def test_settings_survive_json():
    m = model(
        gc_weight=keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5),
        gc_estimator=estimators.Hutchinson(2, "sphere"),
        gc_fraction=0.5,
        gc_outputs="features",
    )
    config = json.loads(json.dumps(m.get_compile_config()))
    other = keras_gc.GCModel(*network())
    other.compile_from_config(config)
    assert other.get_compile_config() == m.get_compile_config()
    assert repr(other.gc_settings.gc_estimator) == repr(
        m.gc_settings.gc_estimator
    )


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_masked_steps_stay_out_of_the_loss(mode):
    x = np.random.default_rng(0).normal(size=(8, 5, 3)).astype("float32")
    x[:, 2:] = 0  # three of five steps are padding
    y = np.ones((8, 5, 2), "float32")

    def losses(kind):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((5, 3))
        hidden = keras.layers.Masking()(inputs)
        hidden = keras.layers.SimpleRNN(4, return_sequences=True)(hidden)
        model = kind(inputs, keras.layers.Dense(2)(hidden))
        model.compile("sgd", "mse", metrics=["mae"], **mode)
        evaluated = model.evaluate(x, y, verbose=0, return_dict=True)
        fitted = model.fit(x, y, verbose=0).history["loss"]
        return evaluated["loss"], evaluated["mae"], fitted[0]

    assert losses(keras_gc.GCModel) == pytest.approx(losses(keras.Model))


class Counting(keras.layers.Layer):
    """Counts how often its state is updated."""

    def build(self, shape):
        self.calls = self.add_weight(
            shape=(), initializer="zeros", dtype="int32", trainable=False
        )

    def call(self, x):
        self.calls.assign_add(1)
        return x


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize(
    "hidden, settings",
    [
        ([], {}),
        ([keras.layers.Dropout(0.5)], {}),
        ([], {"gc_fraction": 0.5}),
        (
            [keras.layers.Dropout(0.5)],
            {"gc_training": True, "gc_fraction": 0.5},
        ),
        ([keras.layers.Dropout(0.5)], {"gc_weight": 0.1, **EXACT}),
    ],
    ids=["shared", "apart", "fraction", "in training mode", "penalised"],
)
def test_a_train_step_updates_the_layers_state_once(hidden, settings, mode):
    counter = Counting()
    m = model([counter, *hidden], **settings, **mode)
    x, y = data(12)
    m.fit(x, y, batch_size=4, verbose=0)
    assert ops.convert_to_numpy(counter.calls) == 3


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("dtype", ["int32", "float64", "float16"])
def test_a_schedule_may_return_any_number(dtype, mode):
    m = model(gc_weight=lambda step: ops.cast(step + 1, dtype), **mode)
    x, y = data(12)
    assert np.isfinite(m.fit(x, y, batch_size=6, verbose=0).history["loss"])
