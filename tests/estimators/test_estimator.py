"""The law of `Estimator`, which each one keeps in each mode."""

import json
import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops

from keras_gc import backend, estimators
from keras_gc.estimators.estimator import flatten_rows
from tests.cases import ESTIMATORS
from tests.modes import BACKEND, FAST_MODE, MODES, compiled
from tests.oracles import double_precision, squared_norms
from tests.penalty import assert_gradients_match_differences, penalty

EXACT = ["exact_reverse", "exact_forward"]
each_estimator = pytest.mark.parametrize("name", ESTIMATORS)
each_exact = pytest.mark.parametrize("name", EXACT)


def built(name, num_outputs=3):
    estimator = ESTIMATORS[name]()
    estimator.build(num_outputs)
    return estimator


def network(activation="tanh"):
    return keras.Sequential([
        keras.Input((4,)),
        layers.Dense(5, activation),
        layers.Dense(3),
    ])


def points(batch=6, features=4, dtype="float32"):
    rng = np.random.default_rng(0)
    return rng.normal(size=(batch, features)).astype(dtype)


def estimate(estimator, model, x, seed=7, mode=FAST_MODE):
    def values(x):
        return estimator(model, x, seed)[1]

    run = compiled(mode, values, model.variables, estimator.variables)
    return ops.convert_to_numpy(
        run(keras.tree.map_structure(ops.convert_to_tensor, x))
    )


@each_estimator
def test_values_have_one_entry_per_example_in_float32(name):
    values = estimate(built(name), network(), points())
    assert values.shape == (6,)
    assert values.dtype == np.float32
    assert (values > 0).all()


@each_estimator
def test_values_are_float64_where_outputs_are(name):
    with double_precision():
        values = estimate(built(name), network(), points(dtype="float64"))
        assert values.dtype == np.float64


@each_estimator
def test_values_are_summed_in_float32_for_half_precision(name):
    # 300^2 is more than the largest float16.
    matrix = ops.full((2, 2), 300.0, dtype="float16")
    x = np.ones((3, 2), "float16")
    estimator = built(name, num_outputs=2)
    if name == "finite_difference":
        estimator.step_size = 0.1
    _, values = estimator(lambda x: ops.matmul(x, matrix), x, 7)
    assert keras.backend.standardize_dtype(values.dtype) == "float32"
    assert np.isfinite(ops.convert_to_numpy(values)).all()
    if name in EXACT:
        np.testing.assert_allclose(ops.convert_to_numpy(values), 4 * 300.0**2)


@each_estimator
def test_outputs_of_the_function_come_back(name):
    model, x = network(), points()
    outputs, _ = built(name)(model, x, 7)
    expected = ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(
        ops.convert_to_numpy(outputs), expected, rtol=1e-5
    )
    (outputs, aux), _ = built(name)(
        lambda x: (model(x), "aux"), x, 7, has_aux=True
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(outputs), expected, rtol=1e-5
    )
    assert aux == "aux"


def with_fixed_draws(estimator):
    """Let an estimator draw the same in each mode; XLA's numbers are others."""

    def waves(like, seed):
        shape = ops.shape(like)
        if isinstance(estimator, estimators.SampledOutputs):
            shape = (estimator.num_samples, shape[0])
            return ops.reshape(ops.arange(math.prod(shape)) % 3, shape)
        if isinstance(estimator, estimators.Hutchinson):
            shape = (estimator.num_probes, *shape)
        count = ops.arange(math.prod(shape), dtype=like.dtype)
        return ops.reshape(ops.cos(count), shape)

    estimator.draw = waves
    return estimator


@pytest.mark.parametrize("mode", MODES[1:])
@each_estimator
def test_modes_agree(name, mode):
    model, x = network(), points()
    values = estimate(with_fixed_draws(built(name)), model, x, mode=mode)
    reference = estimate(with_fixed_draws(built(name)), model, x, mode=MODES[0])
    # Differences of outputs lose digits, and modes round differently.
    tolerance = 1e-3 if name == "finite_difference" else 1e-5
    np.testing.assert_allclose(values, reference, rtol=tolerance)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's modes")
@each_estimator
def test_batch_size_may_be_unknown(name):
    import tensorflow as tf

    model, x, estimator = network(), points(), built(name)
    values = tf.function(
        lambda x: estimator(model, x, 7)[1],
        input_signature=[tf.TensorSpec((None, 4))],
        autograph=False,
    )(x)
    np.testing.assert_allclose(
        values, estimate(built(name), model, x), rtol=1e-3
    )


@each_estimator
def test_penalty_gradient_agrees_with_differences(name, monkeypatch):
    with double_precision():
        model, x = network(), points(dtype="float64")
        # Some draws look at the outputs, and are no part of the derivative.
        estimator = with_fixed_draws(built(name))
        run = penalty(model, estimator, FAST_MODE)
        if estimator.variables:  # each call must draw with the same means
            monkeypatch.setattr(estimator, "update", lambda *_: None)
        assert_gradients_match_differences(model, run, x, 1e-5, 1e-6)


@each_estimator
def test_same_seed_repeats_and_others_differ(name):
    model, x = network(), points(batch=40)
    first, again, other = (
        estimate(built(name), model, x, seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    if built(name).is_exact:
        np.testing.assert_array_equal(first, other)
    else:
        assert (first != other).any()


@pytest.mark.parametrize(
    "name", [n for n in ESTIMATORS if not ESTIMATORS[n]().is_exact]
)
def test_seed_generator_moves_on(name):
    model, x, estimator = network(), points(), built(name)
    seed = keras.random.SeedGenerator(3)
    first, second = (
        ops.convert_to_numpy(estimator(model, x, seed)[1]) for _ in range(2)
    )
    assert (first != second).any()


@each_estimator
def test_no_seed_is_needed(name):
    _, values = built(name)(network(), points())
    assert values.shape == (6,)


@each_estimator
def test_config_round_trip_through_json(name):
    estimator = ESTIMATORS[name]()
    serialized = json.loads(
        json.dumps(keras.saving.serialize_keras_object(estimator))
    )
    revived = estimators.get(serialized)
    assert type(revived) is type(estimator)
    assert revived.get_config() == estimator.get_config()
    assert repr(revived) == repr(estimator)
    assert eval(repr(estimator), vars(estimators)).get_config() == (
        estimator.get_config()
    )


@pytest.mark.parametrize(
    ("name", "passes"),
    {
        "exact_reverse": 3,
        "exact_forward": 4,
        "hutchinson": 1,
        "hutchinson_gaussian": 2,
        "hutchinson_forward": 2,
        "hutchinson_balanced": 1,
        "hutchinson_principal": 2,
        "sampled_outputs": 1,
        "sampled_outputs_2": 2,
        "finite_difference": 2,
    }.items(),
)
def test_number_of_passes_is_what_is_done(name, passes, monkeypatch):
    estimator = built(name)
    assert estimator.num_passes(num_outputs=3, num_inputs=4) == passes
    if BACKEND == "jax":
        return  # a loop is traced once
    done, model, calls = [], network(), []

    def counting(primitive):
        def counted(fn, x):
            *rest, product = primitive(fn, x)
            return *rest, lambda v: (done.append("product"), product(v))[1]

        return counted

    estimator(lambda x: model(x), points(), 7)  # looks for a derivative
    for name in ("vjp", "linearize"):
        primitive = getattr(backend, name)
        monkeypatch.setattr(backend, name, counting(primitive))
    estimator(lambda x: (calls.append("forward"), model(x))[1], points(), 7)
    # One forward pass gives the outputs, whatever comes on top.
    assert len(calls) - 1 + len(done) == passes


# -- closed forms and shapes ------------------------------------------------


@each_exact
def test_linear_map_gives_the_squared_norm_of_its_matrix(name):
    layer = layers.Dense(3)
    model = keras.Sequential([keras.Input((4,)), layer])
    norm = np.sum(ops.convert_to_numpy(layer.kernel).astype("float64") ** 2)
    np.testing.assert_allclose(
        estimate(built(name), model, points()), norm, rtol=1e-6
    )


@each_exact
def test_linear_map_in_float64(name):
    with double_precision():
        layer = layers.Dense(3)
        model = keras.Sequential([keras.Input((4,)), layer])
        norm = np.sum(ops.convert_to_numpy(layer.kernel) ** 2)
        np.testing.assert_allclose(
            estimate(built(name), model, points(dtype="float64")),
            norm,
            rtol=1e-12,
        )


@each_exact
def test_deep_linear_map_gives_the_norm_of_the_product(name):
    with double_precision():
        model = network(activation=None)
        first, second = (
            ops.convert_to_numpy(layer.kernel) for layer in model.layers
        )
        np.testing.assert_allclose(
            estimate(built(name), model, points(dtype="float64")),
            np.sum((first @ second) ** 2),
            rtol=1e-12,
        )


@each_exact
def test_quadratic_map(name):
    # f_k(x) = x^T A_k x / 2 with A_k symmetric: the gradients are A_k x.
    with double_precision():
        forms = np.random.default_rng(1).normal(size=(3, 4, 4))
        forms = forms + np.swapaxes(forms, 1, 2)
        x = points(dtype="float64")

        def quadratic(x):
            return ops.einsum("bi,kij,bj->bk", x, forms, x) / 2

        _, values = built(name)(quadratic, x, 7)
        expected = np.sum(np.einsum("kij,bj->bki", forms, x) ** 2, (1, 2))
        np.testing.assert_allclose(
            ops.convert_to_numpy(values), expected, rtol=1e-12
        )


def list_model():
    left, right = keras.Input((2,)), keras.Input((3, 2))
    both = layers.Concatenate()([left, layers.Flatten()(right)])
    hidden = layers.Dense(5, "tanh")(both)
    return keras.Model([left, right], layers.Dense(3)(hidden))


def dict_model():
    left, right = keras.Input((2,), name="b"), keras.Input((3, 2), name="a")
    both = layers.Concatenate()([left, layers.Flatten()(right)])
    hidden = layers.Dense(5, "tanh")(both)
    return keras.Model(
        {"b": left, "a": right},
        {
            "vector": layers.Dense(2)(hidden),
            "grid": layers.Reshape((2, 2))(layers.Dense(4)(hidden)),
        },
    )


def scalar_model():
    inputs = keras.Input(())
    hidden = layers.Dense(5, "tanh")(ops.expand_dims(inputs, -1))
    return keras.Model(inputs, ops.sum(hidden, axis=-1))


STRUCTURES = {
    "list": (list_model, lambda x, grid: [x[:, :2], grid]),
    "dict": (dict_model, lambda x, grid: {"b": x[:, :2], "a": grid}),
    "rank_1": (scalar_model, lambda x, grid: x[:, 0]),
}


@pytest.mark.parametrize("structure", STRUCTURES)
@each_exact
def test_inputs_and_outputs_of_any_structure_and_rank(name, structure):
    make, arrange = STRUCTURES[structure]
    with double_precision():
        model = make()
        x = points(dtype="float64")
        grid = np.random.default_rng(2).normal(size=(6, 3, 2))
        x = arrange(x, grid)
        np.testing.assert_allclose(
            estimate(built(name), model, x), squared_norms(model, x), rtol=1e-7
        )


@pytest.mark.parametrize("structure", STRUCTURES)
@each_estimator
def test_every_estimator_takes_any_structure(name, structure):
    make, arrange = STRUCTURES[structure]
    model = make()
    num_outputs = {"list": 3, "dict": 6, "rank_1": 1}[structure]
    if name == "sampled_outputs_2" and num_outputs == 1:
        return
    x = arrange(points(), np.ones((6, 3, 2), "float32"))
    values = estimate(built(name, num_outputs), model, x)
    assert values.shape == (6,)
    assert np.isfinite(values).all()


def test_outputs_are_flattened_row_by_row():
    grid = np.arange(12.0, dtype="float32").reshape(2, 3, 2)
    rows = flatten_rows({"b": ops.array([7.0, 8.0]), "a": ops.array(grid)})
    np.testing.assert_array_equal(
        ops.convert_to_numpy(rows),
        [[0, 1, 2, 3, 4, 5, 7], [6, 7, 8, 9, 10, 11, 8]],
    )


# -- properties -------------------------------------------------------------

MODEL_WEIGHTS = np.random.default_rng(3).normal(size=(4, 3)).astype("float32")


def smooth(x):
    return ops.sin(ops.matmul(x, MODEL_WEIGHTS))


def exact(fn, x):
    _, values = estimators.ExactReverse()(fn, x.astype("float32"), 0)
    return ops.convert_to_numpy(values)


few = settings(max_examples=8, deadline=None, database=None, derandomize=True)


@few
@given(scale=st.floats(0.1, 10))
def test_inputs_scaled_by_a_give_a_squared(scale):
    x = points()
    np.testing.assert_allclose(
        exact(lambda x: smooth(scale * x), x / scale),
        scale**2 * exact(smooth, x),
        rtol=1e-3,
    )


@few
@given(constant=st.floats(-100, 100))
def test_a_constant_added_to_the_logits_changes_nothing(constant):
    np.testing.assert_array_equal(
        exact(lambda x: smooth(x) + constant, points()),
        exact(smooth, points()),
    )


@few
@given(seed=st.integers(0, 2**31))
def test_a_rotation_of_the_logits_changes_nothing(seed):
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    rotation = rotation.astype("float32")
    np.testing.assert_allclose(
        exact(lambda x: ops.matmul(smooth(x), rotation), points()),
        exact(smooth, points()),
        rtol=1e-4,
    )


@few
@given(order=st.permutations(range(6)))
def test_values_follow_the_order_of_the_batch(order):
    order = list(order)
    np.testing.assert_allclose(
        exact(smooth, points()[order]),
        exact(smooth, points())[order],
        rtol=1e-6,
    )


# -- bad input --------------------------------------------------------------


@each_estimator
def test_integer_inputs_raise(name):
    with pytest.raises(TypeError, match=r"floating point inputs.*int32"):
        built(name)(network(), np.ones((2, 4), "int32"), 7)


@each_estimator
def test_integer_outputs_raise(name):
    with pytest.raises(TypeError, match=r"floating point outputs.*int"):
        built(name)(lambda x: ops.argmax(x, axis=-1), points(), 7)


@each_estimator
def test_scalar_outputs_raise(name):
    with pytest.raises(ValueError, match=r"one row per example.*scalar"):
        built(name)(ops.mean, points(), 7)


@each_estimator
def test_outputs_reduced_over_the_batch_raise(name):
    with pytest.raises(ValueError, match="Received: 4 rows .* 6 examples"):
        built(name)(lambda x: ops.mean(x, axis=0), points(), 7)


def test_base_class_says_what_to_write():
    with pytest.raises(NotImplementedError):
        estimators.Estimator()(network(), points(), 7)
    with pytest.raises(NotImplementedError):
        estimators.Estimator().num_passes(1, 1)
