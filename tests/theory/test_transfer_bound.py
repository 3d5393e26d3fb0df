import keras
import numpy as np
import pytest
from keras import layers

from keras_gc import jacobian_norms
from keras_gc.datasets import load
from keras_gc.theory.parameter_jacobian import parameter_jacobian_norms
from keras_gc.theory.transfer_bound import transfer_bound
from tests.theory.numpy_networks import (
    cnn,
    jacobian,
    mlp,
    norm,
    randomize,
    squared,
)


def rng():
    return np.random.default_rng(1)


def functional(build, shape=(4,)):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, build(inputs))
    randomize(model)
    return model


def assert_valid(bound):
    assert np.all(bound.jacobian_side > 0)
    # What is left is the rounding of the Jacobians.
    assert np.all(bound.jacobian_side <= bound.parameter_side * (1 + 2e-6))


def assert_factor(values, expected):
    """From below: two squared norms are upper bounds, within 1e-3 each."""
    assert np.all(values <= np.multiply(expected, 1 + 1e-5))
    assert np.all(values >= np.multiply(expected, 1 - 4e-3))


def test_factors_of_dense_layers_are_those_of_the_theorem():
    model, network = mlp("tanh")
    x = rng().normal(size=(3, 4))
    factors = transfer_bound(model, x, batch_size=2).factors
    assert list(factors) == network.names
    for i, name in enumerate(network.names):
        expected = [
            (1 + squared(network.inputs_of(i, row)))
            / norm(network.weights[i][0]) ** 2
            / norm(jacobian(lambda x, i=i: network.inputs_of(i, x), row)) ** 2
            for row in x
        ]
        assert_factor(factors[name], expected)


def test_factors_of_a_convolution_hold_its_operator_and_its_gradient():
    model, network = cnn("tanh")
    x = rng().normal(size=(3, 5, 4, 2))
    operator = jacobian(lambda h: network.z(0, h), x[0])
    expected = [
        squared(network.layer_jacobian(0, row))
        / squared(jacobian(lambda z: network.from_z(0, z), network.z(0, row)))
        / norm(operator) ** 2
        for row in x
    ]
    factors = transfer_bound(model, x).factors
    assert_factor(factors["conv"], expected)


@pytest.mark.parametrize("build", [mlp, cnn])
def test_both_sides_are_the_squared_norms(build):
    model, _ = build()
    x = rng().normal(size=(5, *model.input_shape[1:]))
    bound = transfer_bound(model, x, batch_size=2)
    np.testing.assert_allclose(
        bound.parameter_side, parameter_jacobian_norms(model, x), rtol=1e-5
    )
    np.testing.assert_allclose(
        bound.jacobian_side,
        jacobian_norms(model, x) * sum(bound.factors.values()),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        bound.ratio, bound.jacobian_side / bound.parameter_side
    )
    assert bound.skipped == {}
    assert_valid(bound)


def test_equality_for_a_linear_model_with_one_output():
    model, _ = mlp("linear", units=(1,))
    bound = transfer_bound(model, rng().normal(size=(5, 4)))
    np.testing.assert_allclose(bound.ratio, 1, rtol=1e-5)


def test_a_factor_without_bias_counts_the_inputs_alone():
    model = keras.Sequential([
        keras.Input((4,)),
        layers.Dense(1, use_bias=False, name="dense"),
    ])
    x = rng().normal(size=(2, 4))
    bound = transfer_bound(model, x)
    np.testing.assert_allclose(bound.parameter_side, np.sum(x**2, 1), 1e-5)
    np.testing.assert_allclose(bound.ratio, 1, rtol=1e-5)


def test_holds_along_training_on_digits():
    data = load("digits")
    relu = {"activation": "relu"}
    model = keras.Sequential([
        keras.Input(data.x_train.shape[1:]),
        layers.Conv2D(4, 3, strides=2, padding="same", **relu),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(10),
    ])
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    for _ in range(2):
        assert_valid(transfer_bound(model, data.x_test[:8]))
        model.fit(data.x_train, data.y_train, batch_size=64, verbose=0)


def two_paths(x):
    h = layers.Dense(4, "tanh", name="before")(x)
    skipped = layers.Dense(4, "tanh", name="beside")(h)
    return layers.Dense(2, name="after")(layers.Add()([h, skipped]))


def twice(x):
    shared = layers.Dense(4, "tanh", name="shared")
    return layers.Dense(2, name="after")(shared(shared(x)))


def normalized(x):
    x = layers.Dense(4, name="before")(x)
    return layers.UnitNormalization()(layers.PReLU(name="prelu")(x))


@pytest.mark.parametrize(
    ("build", "covered", "name", "why"),
    [
        (two_paths, ["before", "after"], "beside", "has a path beside it"),
        (twice, ["after"], "shared", "is called 2 times"),
        (normalized, ["before"], "prelu", "is neither Dense nor"),
    ],
)
def test_layers_without_a_factor_are_named(build, covered, name, why):
    bound = transfer_bound(functional(build), rng().normal(size=(3, 4)))
    assert list(bound.factors) == covered
    assert list(bound.skipped) == [name]
    assert bound.skipped[name].startswith(why)
    assert_valid(bound)


def test_a_model_without_any_factor_is_refused():
    def residual(x):
        return layers.Add()([layers.Dense(4, name="beside")(x), x])

    with pytest.raises(ValueError, match="'beside' has a path beside it"):
        transfer_bound(functional(residual), np.ones((2, 4)))


def test_dense_layers_on_many_positions_share_weights_like_convolutions():
    model = functional(
        lambda x: layers.GlobalAveragePooling1D()(layers.Dense(2)(x)), (3, 4)
    )
    x = rng().normal(size=(2, 3, 4))
    kernel = model.get_weights()[0]
    (factor,) = transfer_bound(model, x).factors.values()
    # df_k/dz = 1/3 at each position; grad_W f_k = mean h, grad_b f_k = 1.
    gain = (2 + 2 * np.sum(x.mean(1) ** 2, axis=1)) / (2 / 3)
    np.testing.assert_allclose(factor, gain / norm(kernel) ** 2, rtol=1e-4)


def test_a_probability_head_is_stepped_over():
    model, _ = mlp()
    x = rng().normal(size=(3, 4))
    plain = transfer_bound(model, x)
    model.layers[-1].activation = keras.activations.softmax
    with pytest.warns(UserWarning, match="stepped over"):
        bound = transfer_bound(model, x)
    np.testing.assert_allclose(bound.ratio, plain.ratio, rtol=1e-4)


def test_a_convolution_may_be_the_probability_head():
    model = functional(
        lambda x: layers.Conv2D(1, 3, activation="sigmoid")(x), (4, 4, 1)
    )
    with pytest.warns(UserWarning, match="stepped over"):
        assert_valid(transfer_bound(model, rng().normal(size=(3, 4, 4, 1))))


def test_lora_weights_are_measured():
    model, _ = mlp("tanh")
    model.get_layer("dense_1").enable_lora(2)
    randomize(model)
    bound = transfer_bound(model, rng().normal(size=(3, 4)))
    assert list(bound.factors) == ["dense_0", "dense_1", "dense_2"]
    assert_valid(bound)


def test_where_nothing_moves_factors_are_zero():
    model, _ = mlp("relu")
    hidden = model.get_layer("dense_0")
    kernel, bias = hidden.get_weights()
    hidden.set_weights([kernel, bias - 1e3])  # dead
    bound = transfer_bound(model, rng().normal(size=(3, 4)))
    np.testing.assert_array_equal(bound.factors["dense_1"], np.zeros(3))
    np.testing.assert_array_equal(bound.jacobian_side, np.zeros(3))
    np.testing.assert_array_equal(bound.ratio, np.zeros(3))


def test_the_model_is_left_as_it_was():
    model, _ = cnn()
    before = model.get_weights()
    transfer_bound(model, rng().normal(size=(2, 5, 4, 2)))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert all("call" not in vars(layer) for layer in model.layers)


def test_errors_say_what_is_needed():
    model, _ = mlp()
    with pytest.raises(TypeError, match=r"`model` must be a `keras\.Model`"):
        transfer_bound(None, np.ones((1, 4)))
    with pytest.raises(ValueError, match="must be built"):
        unbuilt = keras.Sequential([layers.Dense(1)])
        transfer_bound(unbuilt, np.ones((1, 4)))
    with pytest.raises(ValueError, match="at least one example"):
        transfer_bound(model, np.ones((0, 4)))
