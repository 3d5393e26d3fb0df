"""Measuring any model, without changing it."""

import contextlib
import math

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gc
from keras_gc import estimators, geometric_complexity, jacobian_norms
from keras_gc.meter import Meter
from tests.cases import ESTIMATORS
from tests.modes import BACKEND
from tests.oracles import double_precision, squared_norms

X = np.random.default_rng(0).normal(size=(10, 3)).astype("float32")


def mlp(outputs=2, features=3):
    return keras.Sequential([
        keras.Input((features,)),
        layers.Dense(5, "tanh"),
        layers.Dense(outputs),
    ])


class Subclassed(keras.Model):
    """A model with code of its own in `call`."""

    def __init__(self, function):
        super().__init__()
        self.dense = layers.Dense(2)
        self.function = function

    def call(self, x):
        return self.function(self.dense, x)


def subclassed(function):
    model = Subclassed(function)
    model(X)
    return model


# -- models and closed forms ------------------------------------------------


def functional():
    inputs = keras.Input((3,))
    hidden = layers.Dense(4, "tanh")(inputs)
    return keras.Model(inputs, layers.Dense(2)(hidden) + ops.sin(inputs[:, :2]))


def several_outputs():
    inputs = keras.Input((3,))
    grid = layers.Reshape((2, 2))(layers.Dense(4, "tanh")(inputs))
    return keras.Model(inputs, {"grid": grid, "one": ops.sum(inputs**2, -1)})


MODELS = {
    "sequential": mlp,
    "functional": functional,
    "subclassed": lambda: subclassed(lambda dense, x: ops.tanh(dense(x))),
    "nested": lambda: keras.Sequential([functional(), layers.Dense(2, "tanh")]),
    "several_outputs": several_outputs,
}


@pytest.mark.parametrize("name", MODELS)
def test_norms_agree_with_the_dense_jacobian(name):
    with double_precision():
        model, x = MODELS[name](), X.astype("float64")
        model(x)
        expected = squared_norms(model, x)
        for estimator in ("exact_reverse", "exact_forward"):
            norms = jacobian_norms(model, x, estimator=estimator, batch_size=4)
            np.testing.assert_allclose(norms, expected, rtol=1e-7)


def test_gc_is_the_mean_of_the_norms_and_states_its_error():
    model = mlp()
    norms = jacobian_norms(model, X)
    estimate = geometric_complexity(model, X)
    assert norms.shape == (10,) and norms.dtype == np.float64
    assert estimate.value == pytest.approx(norms.mean(), rel=1e-6)
    assert estimate.standard_error == pytest.approx(
        norms.std(ddof=1) / math.sqrt(10), rel=1e-5
    )
    assert estimate.num_examples == 10
    assert estimate.estimator == "exact"
    assert float(estimate) == estimate.value


@pytest.mark.parametrize("batch_size", [1, 3, 10, 100])
def test_norms_are_in_the_order_of_the_data(batch_size):
    model = mlp()
    one_by_one = np.concatenate([
        jacobian_norms(model, X[i : i + 1]) for i in range(3)
    ])
    norms = jacobian_norms(model, X, batch_size=batch_size)
    np.testing.assert_allclose(norms[:3], one_by_one, rtol=1e-5)


def test_estimate_reads_well():
    estimate = keras_gc.GCEstimate(12.3456, 0.1111, 512, "exact")
    assert str(estimate) == "GC = 12.35 ± 0.11 (512 examples, exact)"
    assert "(1 example," in str(keras_gc.GCEstimate(1.0, math.nan, 1, "exact"))


def test_one_example_has_no_standard_error():
    estimate = geometric_complexity(mlp(), X[:1])
    assert math.isnan(estimate.standard_error)
    assert estimate.value > 0


@pytest.mark.filterwarnings("ignore:.*hold NaN or infinity")
def test_nan_in_the_data_shows_in_the_result():
    x = X.copy()
    x[3] = np.nan
    norms = jacobian_norms(mlp(), x)
    assert np.isnan(norms[3])
    assert np.isfinite(np.delete(norms, 3)).all()
    assert math.isnan(float(geometric_complexity(mlp(), x)))


# -- estimators and seeds ---------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_seed_repeats_the_measurement(name):
    model, estimator = mlp(), ESTIMATORS[name]()
    first, again = (
        jacobian_norms(model, X, estimator=estimator, seed=3, batch_size=4)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    assert estimator.variables == []  # a copy was used


def test_estimators_agree_within_their_standard_errors():
    model = mlp()
    x = np.random.default_rng(1).normal(size=(2000, 3)).astype("float32")
    exact = float(geometric_complexity(model, x, batch_size=500))
    for name, make in ESTIMATORS.items():
        estimate = geometric_complexity(
            model, x, estimator=make(), batch_size=500, seed=0
        )
        error = abs(float(estimate) - exact)
        # The step of 1e-2 has a bias of its own.
        slack = 1e-3 * exact if name == "finite_difference" else 1e-5 * exact
        assert error < 4.5 * estimate.standard_error + slack, name


# -- rtol -------------------------------------------------------------------


def test_rtol_stops_early_and_honestly():
    model = mlp()
    x = np.random.default_rng(1).normal(size=(4000, 3)).astype("float32")
    everything = geometric_complexity(model, x, batch_size=500)
    estimate = geometric_complexity(model, x, rtol=0.05, seed=0)
    assert 64 <= estimate.num_examples < 2000
    assert estimate.standard_error <= 0.05 * estimate.value
    difference = abs(estimate.value - everything.value)
    assert difference < 4.5 * estimate.standard_error


def test_rtol_visits_arrays_in_random_order():
    # Sorted data: the first part does not stand for the whole.
    model = keras.Sequential([
        keras.Input((1,)),
        layers.Lambda(lambda x: x**2),
    ])
    x = np.linspace(0, 10, 4000, dtype="float32")[:, None]
    estimate = geometric_complexity(model, x, rtol=0.05, seed=0)
    assert estimate.num_examples < 4000
    exact = np.mean((2 * x) ** 2)
    assert abs(estimate.value - exact) < 4.5 * estimate.standard_error


def test_rtol_needs_a_few_examples():
    layer = layers.Dense(2)
    linear = keras.Sequential([keras.Input((3,)), layer])
    x = np.zeros((200, 3), "float32")
    estimate = geometric_complexity(linear, x, rtol=0.5, batch_size=8)
    assert estimate.num_examples == 64


def test_rtol_out_of_reach_uses_all_the_data():
    estimate = geometric_complexity(mlp(), X, rtol=1e-9)
    assert estimate.num_examples == 10


# -- progress, memory -------------------------------------------------------


def test_progress_is_shown_where_it_is_asked_for(capsys):
    geometric_complexity(mlp(), X, batch_size=4)
    assert capsys.readouterr().out == ""
    geometric_complexity(mlp(), X, batch_size=4, verbose=1)
    shown = capsys.readouterr().out
    assert "3/Unknown" in shown and shown.endswith("\n")
    jacobian_norms(mlp(), X, batch_size=5, verbose=1)
    assert "2/Unknown" in capsys.readouterr().out


def test_progress_ends_its_line_where_rtol_is_reached(capsys):
    x = np.zeros((200, 3), "float32")
    geometric_complexity(mlp(), x, rtol=0.5, verbose=1)
    assert capsys.readouterr().out.endswith("\n")


def test_never_more_than_one_batch_at_once():
    sizes = []

    def watch(dense, x):
        sizes.append(x.shape[0])
        return dense(x)

    model = subclassed(watch)
    sizes.clear()
    jacobian_norms(model, X, batch_size=4)
    known = {size for size in sizes if size is not None}
    assert known and max(known) <= 4


@pytest.mark.skipif(BACKEND != "tensorflow", reason="reads TensorFlow's graph")
@pytest.mark.parametrize("name", ["exact_reverse", "exact_forward"])
def test_the_graph_does_not_grow_with_the_number_of_products(name):
    import tensorflow as tf

    def operations(size):
        model = mlp(*((size, 3) if name == "exact_reverse" else (2, size)))
        estimator = estimators.get(name)
        function = tf.function(
            lambda x: estimator(model, x, 0)[1], autograph=False
        )
        width = 3 if name == "exact_reverse" else size
        graph = function.get_concrete_function(
            tf.TensorSpec((None, width))
        ).graph
        bodies = graph.as_graph_def().library.function
        return len(graph.get_operations()) + sum(
            len(body.node_def) for body in bodies
        )

    assert operations(1000) == operations(30)


def test_a_thousand_classes_are_exact():
    model = mlp(outputs=1000)
    norms = jacobian_norms(model, X[:2], estimator="exact_reverse")
    cheap = jacobian_norms(model, X[:2], estimator="exact_forward")
    np.testing.assert_allclose(norms, cheap, rtol=1e-4)


# -- the model is left as it was --------------------------------------------


def state(model):
    return [
        ops.convert_to_numpy(v)
        for v in [*model.variables, *model.optimizer.variables]
    ]


@pytest.mark.parametrize("estimator", ["auto", "finite_difference"])
def test_measuring_changes_nothing(estimator):
    model = keras.Sequential([
        keras.Input((3,)),
        layers.Dense(4, name="hidden"),
        layers.BatchNormalization(),
        layers.SpectralNormalization(layers.Dense(4)),
        layers.Dropout(0.5),
        layers.Dense(2),
    ])
    model.compile("adam", "mse")
    model.fit(X, X[:, :2], verbose=0)
    before = state(model)
    geometric_complexity(model, X, estimator=estimator)
    geometric_complexity(model, X, estimator=estimator, outputs="hidden")
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_measuring_is_in_inference_mode():
    dense = layers.Dense(2)
    model = keras.Sequential([
        keras.Input((3,)),
        dense,
        layers.BatchNormalization(),
        layers.Dropout(0.9),
    ])
    kernel = ops.convert_to_numpy(dense.kernel)
    # Moving variance 1, epsilon 1e-3.
    np.testing.assert_allclose(
        jacobian_norms(model, X), np.sum(kernel**2) / 1.001, rtol=1e-5
    )


def test_measuring_in_the_middle_of_fit():
    class Measure(keras.callbacks.Callback):
        values = []

        def on_train_batch_end(self, batch, logs=None):
            self.values.append(float(geometric_complexity(self.model, X)))

        def on_epoch_end(self, epoch, logs=None):
            self.values.append(float(geometric_complexity(self.model, X)))

    def trained(callbacks):
        keras.utils.set_random_seed(0)
        model = mlp()
        model.compile("sgd", "mse")
        model.fit(
            X, X[:, :2], batch_size=5, verbose=0, shuffle=False,
            callbacks=callbacks,
        )  # fmt: skip
        return model

    callback = Measure()
    with_callback, without = trained([callback]), trained([])
    assert len(callback.values) == 3
    assert len(set(callback.values)) == 2  # each step changes the model
    assert callback.values[-1] == pytest.approx(
        float(geometric_complexity(with_callback, X)), rel=1e-6
    )
    for ours, theirs in zip(
        with_callback.get_weights(), without.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_meter_sees_new_weights():
    model = mlp()
    meter = Meter(model)
    x = ops.convert_to_tensor(X)
    before = meter(x)
    model.layers[-1].kernel.assign(2 * model.layers[-1].kernel)
    np.testing.assert_allclose(meter(x), 4 * before, rtol=1e-5)


# -- policies ---------------------------------------------------------------


@contextlib.contextmanager
def policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("mixed_float16", 1e-2), ("mixed_bfloat16", 6e-2), ("float16", 1e-2)],
)
def test_half_precision_is_close_to_float32(name, tolerance):
    reference = mlp()
    with policy(name):
        model = mlp()
    model.set_weights(reference.get_weights())
    np.testing.assert_allclose(
        jacobian_norms(model, X),
        jacobian_norms(reference, X),
        rtol=tolerance,
    )


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16"])
def test_differences_in_half_precision_need_larger_steps(name):
    with policy(name):
        model = mlp()
    with pytest.raises(ValueError, match="`step_size` must be at least"):
        geometric_complexity(model, X, estimator="finite_difference")
    coarse = estimators.FiniteDifference(step_size=0.3)
    assert float(geometric_complexity(model, X, estimator=coarse)) > 0


# -- bad input --------------------------------------------------------------

BROKEN = {
    "stop_gradient": lambda dense, x: dense(ops.stop_gradient(x)),
    "cast_to_integers": lambda dense, x: dense(
        ops.cast(ops.cast(x, "int32"), "float32")
    ),
    "constant": lambda dense, x: dense(ops.ones_like(x)),
    "one_hot_of_argmax": lambda dense, x: dense(
        ops.one_hot(ops.argmax(x, axis=-1), 3)
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(
    "estimator",
    [
        "exact_reverse",
        "exact_forward",
        "hutchinson",
        "sampled_outputs",
        "finite_difference",
    ],
)
def test_outputs_that_do_not_depend_on_inputs_raise(estimator, broken):
    model = subclassed(BROKEN[broken])
    with pytest.raises(ValueError, match=r"do not depend.*inputs='NAME'"):
        jacobian_norms(model, X, estimator=estimator)


@pytest.mark.filterwarnings("ignore:The derivative of .* is 0")
@pytest.mark.parametrize("estimator", ["exact_reverse", "exact_forward"])
def test_one_input_without_effect_raises(estimator):
    used, unused = keras.Input((3,)), keras.Input((2,))
    cut = layers.Dense(2)(ops.stop_gradient(unused))
    model = keras.Model([used, unused], layers.Dense(2)(used) + cut)
    with pytest.raises(ValueError, match="do not depend"):
        jacobian_norms(model, [X, X[:, :2]], estimator=estimator)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_integers_fed_to_a_floating_input_are_cast_as_keras_casts_them(dtype):
    model, x = mlp(), np.abs(5 * X).astype(dtype)
    np.testing.assert_allclose(
        jacobian_norms(model, x), jacobian_norms(model, x.astype("float32"))
    )


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_inputs_that_are_no_reals_raise(dtype):
    inputs = keras.Input((3,), dtype=dtype)
    model = keras.Model(inputs, layers.Dense(2)(ops.cast(inputs, "float32")))
    with pytest.raises(TypeError, match=rf"{dtype}.*astype.*inputs='NAME'"):
        jacobian_norms(model, X.astype(dtype))


def test_tokens_raise_and_the_embedding_is_named():
    model = keras.Sequential([
        keras.Input((3,), dtype="int32"),
        layers.Embedding(7, 2),
        layers.Flatten(),
        layers.Dense(2),
    ])
    with pytest.raises(TypeError, match="for tokens, measure from the embed"):
        jacobian_norms(model, np.ones((2, 3), "int32"))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda dense, x: ops.mean(dense(x)), "a scalar output"),
        (lambda dense, x: ops.mean(dense(x), axis=0), "2 rows of outputs"),
    ],
)
def test_outputs_without_one_row_per_example_raise(function, message):
    with pytest.raises(ValueError, match=message):
        jacobian_norms(subclassed(function), X)


@pytest.mark.parametrize(
    "model",
    [
        Subclassed(lambda dense, x: dense(x)),
        keras.Sequential([layers.Dense(2)]),
    ],
    ids=["subclassed", "sequential"],
)
def test_unbuilt_models_raise(model):
    with pytest.raises(ValueError, match=r"must be built.*keras.Input"):
        geometric_complexity(model, X)


def test_more_samples_than_outputs_raise():
    with pytest.raises(ValueError, match=r"at most the number of outputs, 2"):
        geometric_complexity(mlp(), X, estimator=estimators.SampledOutputs(3))


@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("rtol", 0, ValueError),
        ("rtol", -0.1, ValueError),
        ("rtol", math.nan, ValueError),
        ("rtol", "0.1", TypeError),
        ("batch_size", 0, ValueError),
        ("batch_size", 2.0, TypeError),
        ("estimator", "nope", ValueError),
        ("estimator", None, TypeError),
        ("seed", "nope", TypeError),
        ("seed", 0.5, TypeError),
        ("seed", -1, ValueError),
        ("seed", 2**31, ValueError),
        ("verbose", "auto", TypeError),
        ("verbose", -1, ValueError),
    ],
)
def test_arguments_are_checked_by_name(argument, value, error):
    """In words of ours, which end in what was received."""
    with pytest.raises(error, match=rf"(?i)\b{argument}\b.* Received: "):
        geometric_complexity(mlp(), X, **{argument: value})


def test_empty_data_raises():
    with pytest.raises(ValueError, match="at least one example"):
        geometric_complexity(mlp(), X[:0])


@pytest.mark.skipif(BACKEND != "jax", reason="JAX's forward mode")
def test_no_forward_mode_names_the_cure():
    import jax

    @jax.custom_vjp
    def identity(x):
        return x

    identity.defvjp(lambda x: (x, None), lambda _, u: (u,))
    model = subclassed(lambda dense, x: dense(identity(x)))
    with pytest.raises(ValueError, match=r"forward-mode.*ExactReverse\(\)"):
        jacobian_norms(model, X, estimator="exact_forward")
    assert (jacobian_norms(model, X, estimator="exact_reverse") > 0).all()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's operation")
def test_no_derivative_at_all_says_so():
    import tensorflow as tf

    def shifted_hue(dense, x):
        image = tf.reshape(x, (-1, 1, 1, 3))
        return dense(tf.reshape(tf.image.adjust_hue(image, 0.1), (-1, 3)))

    with pytest.raises(ValueError, match="needs derivatives.*AdjustHue"):
        jacobian_norms(subclassed(shifted_hue), np.abs(X))
