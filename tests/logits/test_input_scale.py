"""Inputs in units of one's own: the derivative in column j, times s_j."""

import json

import keras
import numpy as np
import pytest

import keras_gc
from keras_gc import estimators
from keras_gc.logits.input_scale import InputScale

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = RNG.normal(size=(24, 2)).astype("float32")
SCALE = np.array([2.0, 0.5, 0.0], "float32")
KERNEL = RNG.normal(size=(3, 2)).astype("float32")
ESTIMATORS = [
    estimators.ExactReverse(),
    estimators.ExactForward(),
    estimators.Hutchinson(),
    estimators.Hutchinson(probe="balanced"),
    estimators.Hutchinson(mode="forward"),
    estimators.SampledOutputs(),
    estimators.FiniteDifference(),
]
in_turn = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
INVALID = {
    "negative": ([1.0, -1.0, 1.0], ValueError, "finite numbers >= 0"),
    "nan": (float("nan"), ValueError, "finite numbers >= 0"),
    "zero": (0.0, ValueError, "a number > 0"),
    "word": ("std", TypeError, "hold numbers"),
    "bool": (True, TypeError, "hold numbers"),
    "nothing": ([], TypeError, "hold numbers"),
    "no inputs": ({}, TypeError, "hold numbers"),
    "a placeholder": (keras.Input((3,)), TypeError, "hold numbers"),
    "a word in a dict": ({"a": "std"}, TypeError, "hold numbers"),
}
MISFITS = {
    "columns": ([1.0, 2.0], "broadcast against one example"),
    "rank": (np.ones((1, 1, 3)), "broadcast against one example"),
    "names": ({"other": 1.0}, "name each of the inputs, "),
}


def linear(kernel=KERNEL, hidden=(), **compile_arguments):
    """x -> x A, whose Jacobian with respect to x / s is A^T diag(s)."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((3,), name="columns")
    x = inputs
    for layer in hidden:
        x = layer(x)
    layer = keras.layers.Dense(kernel.shape[1], use_bias=False)
    model = keras_gc.GCModel(inputs, layer(x))
    layer.kernel.assign(kernel)
    model.compile(keras.optimizers.SGD(0.1), "mse", **compile_arguments)
    return model


def squared_norm(kernel, scale=SCALE):
    return float(np.sum((kernel.astype("float64") * scale[:, None]) ** 2))


def fit(model, x=X, y=Y, **arguments):
    arguments = {"batch_size": 8, "shuffle": False, "verbose": 0, **arguments}
    return model.fit(x, y, **arguments).history


@in_turn
def test_gc_is_that_of_the_same_function_of_scaled_inputs(estimator):
    """The same draws, so the same values, whatever the estimator."""
    scale = np.array([2.0, 0.5, 4.0], "float32")
    scaled = linear(scale[:, None] * KERNEL)
    expected = keras_gc.jacobian_norms(
        scaled, X / scale, estimator=estimator, seed=0
    )
    found = keras_gc.jacobian_norms(
        linear(), X, estimator=estimator, seed=0, input_scale=scale
    )
    rtol = 1e-5 if estimator.is_unbiased else 1e-3  # rounded differences
    np.testing.assert_allclose(found, expected, rtol=rtol)
    if estimator.is_exact:
        np.testing.assert_allclose(
            found, squared_norm(KERNEL, scale), rtol=1e-5
        )


@in_turn
def test_training_is_that_of_the_same_function_of_scaled_inputs(estimator):
    scale = np.array([2.0, 0.5, 4.0], "float32")
    first_steps = [
        fit(model, x, batch_size=24)["gc"][0]
        for model, x in (
            (linear(gc_weight=0.1, gc_estimator=estimator,
                    gc_input_scale=scale), X),
            (linear(scale[:, None] * KERNEL, gc_weight=0.1,
                    gc_estimator=estimator), X / scale),
        )
    ]  # fmt: skip
    rtol = 1e-5 if estimator.is_unbiased else 1e-3
    np.testing.assert_allclose(*first_steps, rtol=rtol)


@pytest.mark.parametrize("hidden", [False, True], ids=["shared", "apart"])
def test_the_penalty_presses_on_each_column_by_its_scale(hidden):
    """d(weight ||A^T diag(s)||^2) / dA = 2 weight diag(s)^2 A."""
    layers = [keras.layers.Dropout(0.0, seed=0)] if hidden else []
    exact = {"gc_estimator": "exact_reverse", "gc_input_scale": SCALE}
    penalised, plain = (
        linear(hidden=layers, gc_weight=weight, **exact) for weight in (0.3, 0)
    )
    for model in (penalised, plain):
        history = fit(model, batch_size=24)
        np.testing.assert_allclose(
            history["gc"], squared_norm(KERNEL), rtol=1e-5
        )
    before, after = plain.get_weights()[0], penalised.get_weights()[0]
    np.testing.assert_allclose(
        after - before, -0.1 * 0.6 * SCALE[:, None] ** 2 * KERNEL, atol=1e-5
    )


def test_all_that_measures_counts_in_these_units():
    expected = squared_norm(KERNEL)
    model = linear(gc_input_scale=SCALE, gc_estimator="exact_reverse")
    logs = model.evaluate(X, Y, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["gc"], expected, rtol=1e-5)
    gc = keras_gc.geometric_complexity(model, X, input_scale=SCALE)
    np.testing.assert_allclose(gc.value, expected, rtol=1e-5)
    watch = keras_gc.callbacks.GeometricComplexity(X, input_scale=SCALE)
    plain = keras.Model(model.inputs, model.outputs)
    plain.compile(keras.optimizers.SGD(0.0), "mse")
    np.testing.assert_allclose(
        fit(plain, callbacks=[watch])["gc"], expected, rtol=1e-5
    )


def test_the_outputs_are_the_same_to_the_last_bit():
    """A penalty too weak to be seen leaves the loss as it is."""
    scale = np.array([1e3, 1e-3, 7.0])
    logs = [
        m.train_on_batch(X, Y, return_dict=True)
        for m in (
            linear(gc_weight=1e-30, gc_input_scale=scale),
            linear(gc_weight=1e-30),
        )
    ]
    assert logs[0]["loss"] == logs[1]["loss"]
    assert logs[0]["gc"] != pytest.approx(logs[1]["gc"], rel=1e-2)


def test_one_number_is_a_change_of_units():
    gc = keras_gc.geometric_complexity(linear(), X)
    scaled = keras_gc.geometric_complexity(linear(), X, input_scale=10.0)
    np.testing.assert_allclose(scaled.value, 100 * gc.value, rtol=1e-5)


def test_images_by_channel():
    inputs = keras.Input((4, 4, 3))
    layer = keras.layers.Dense(2)
    model = keras.Model(inputs, layer(inputs))
    layer.kernel.assign(KERNEL)
    x = np.ones((2, 4, 4, 3), "float32")
    gc = keras_gc.geometric_complexity(model, x, input_scale=SCALE)
    np.testing.assert_allclose(gc.value, 16 * squared_norm(KERNEL), rtol=1e-5)


def several():
    """a A + b B + embedding of a class id."""
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    token = keras.Input((), dtype="int32", name="id")
    first = keras.layers.Dense(2, use_bias=False)
    second = keras.layers.Dense(2, use_bias=False)
    embedding = keras.layers.Embedding(5, 2, name="embedding")
    outputs = keras.layers.Add()([first(a), second(b), embedding(token)])
    # Not in the order of their names.
    model = keras.Model({"b": b, "a": a, "id": token}, outputs)
    first.kernel.assign(KERNEL)
    second.kernel.assign(KERNEL[:2])
    x = {
        "a": X, "b": X[:, :2],
        "id": np.zeros(len(X), "int32"),
    }  # fmt: skip
    return model, x


@pytest.mark.parametrize(
    ("scale", "of_a", "of_b"),
    [
        ({"b": 3.0, "a": SCALE}, SCALE, np.full(2, 3.0)),
        ([SCALE, 3.0], SCALE, np.full(2, 3.0)),
        ([2.0, 3.0], np.full(3, 2.0), np.full(2, 3.0)),
        (2.0, np.full(3, 2.0), np.full(2, 2.0)),
    ],
    ids=["dict", "list", "numbers", "number"],
)
def test_several_inputs(scale, of_a, of_b):
    model, x = several()
    gc = keras_gc.geometric_complexity(model, x, input_scale=scale)
    expected = squared_norm(KERNEL, of_a) + squared_norm(KERNEL[:2], of_b)
    np.testing.assert_allclose(gc.value, expected, rtol=1e-5)


def test_named_inputs_and_layers():
    model, x = several()
    gc = keras_gc.geometric_complexity(
        model,
        x,
        inputs=["embedding", "a"],
        input_scale={"a": SCALE, "embedding": 3.0},
    )
    np.testing.assert_allclose(gc.value, squared_norm(KERNEL) + 18, rtol=1e-5)


def test_the_embedding_is_trained_through_its_scaled_output():
    """f = e^2 / 2 of an embedding e: GC by e / s is s^2 e^2."""
    keras.utils.set_random_seed(1)
    model = keras_gc.GCSequential([
        keras.Input((), dtype="int32"),
        keras.layers.Embedding(1, 1, embeddings_initializer="ones", name="e"),
        keras.layers.Lambda(lambda e: e**2 / 2, name="half_square"),
    ])
    model.compile(
        keras.optimizers.SGD(0.01), lambda y, y_pred: 0.0 * y_pred,
        gc_weight=1.0, gc_estimator="exact_reverse", gc_inputs="e",
        gc_input_scale=3.0,
    )  # fmt: skip
    logs = model.train_on_batch(
        np.zeros(4, "int32"), np.zeros((4, 1)), return_dict=True
    )
    np.testing.assert_allclose(logs["gc"], 9.0, rtol=1e-5)
    np.testing.assert_allclose(  # 1 - 0.01 * 2 * 9
        model.get_weights()[0], 0.82, rtol=1e-5
    )


def test_it_is_saved(tmp_path):
    model = linear(gc_weight=0.1, gc_input_scale=SCALE)
    config = json.loads(json.dumps(model.get_compile_config()))
    assert config["gc_input_scale"] == SCALE.tolist()
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert again.gc_settings.gc_input_scale == SCALE.tolist()
    histories = [fit(m, epochs=2) for m in (model, again)]
    for key in ("loss", "gc"):
        np.testing.assert_allclose(
            histories[0][key], histories[1][key], rtol=1e-6
        )


@pytest.mark.parametrize("kind", INVALID)
def test_bad_numbers_are_named(kind):
    scale, error, sentence = INVALID[kind]
    sentence = f"`gc_input_scale` must .*{sentence}.*Received: gc_input_scale="
    with pytest.raises(error, match=sentence):
        linear(gc_input_scale=scale)
    with pytest.raises(error, match="`input_scale` must "):
        keras_gc.geometric_complexity(linear(), X, input_scale=scale)


@pytest.mark.parametrize("kind", MISFITS)
def test_what_does_not_fit_the_inputs_is_named(kind):
    scale, sentence = MISFITS[kind]
    with pytest.raises(ValueError, match=f"`gc_input_scale` must {sentence}"):
        fit(linear(gc_weight=0.1, gc_input_scale=scale))
    with pytest.raises(ValueError, match=f"`input_scale` must {sentence}"):
        keras_gc.geometric_complexity(linear(), X, input_scale=scale)


def test_a_list_has_as_many_parts_as_there_are_inputs():
    model, x = several()
    with pytest.raises(ValueError, match="hold 2 numbers or arrays, one for"):
        keras_gc.geometric_complexity(model, x, input_scale=[1.0, 2.0, 3.0])


def test_a_series_of_pandas():
    pandas = pytest.importorskip("pandas")
    assert InputScale(pandas.DataFrame(X).std()).scale == pytest.approx(
        X.std(0, ddof=1).tolist()
    )
