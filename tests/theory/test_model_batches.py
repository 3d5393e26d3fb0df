"""Functions of a model and data take them as `geometric_complexity` does."""

import keras
import numpy as np
import pytest

from keras_gc import theory

# Each returns an array or a number.
FUNCTIONS = {
    "jacobian_spectrum": lambda model, x, **kwargs: (
        theory.jacobian_spectrum(model, x, **kwargs).singular_values
    ),
    "lipschitz_lower_bound": theory.lipschitz_lower_bound,
    "margin_normalized_gc": lambda model, x, **kwargs: (
        theory.margin_normalized_gc(model, x, [0, 0, 0], quantile=1, **kwargs)
    ),
    "parameter_jacobian_norms": theory.parameter_jacobian_norms,
    "transfer_bound": lambda model, x: (
        theory.transfer_bound(model, x).jacobian_side
    ),
}
# The derivative of the others is not taken in the inputs.
OF_INPUTS = ["jacobian_spectrum", "lipschitz_lower_bound"]
OF_INPUTS += ["margin_normalized_gc"]
RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(4, 3))
FIRST = RNG.integers(0, 9, (3, 2))
SECOND = RNG.integers(0, 9, (3, 2))


def two_inputs():
    """Logits that are larger for class 0, from inputs with names."""
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    dense = keras.layers.Dense(3)
    model = keras.Model([b, a], dense(keras.layers.Concatenate()([a, b])))
    dense.set_weights([WEIGHTS, np.array([99.0, 0.0, 0.0])])
    return model


@pytest.mark.parametrize("name", FUNCTIONS)
def test_data_find_their_inputs_by_name_and_are_cast(name):
    function, model = FUNCTIONS[name], two_inputs()
    expected = function(
        model, [SECOND.astype("float32"), FIRST.astype("float32")]
    )
    assert np.all(np.asarray(expected) > 0)
    value = function(model, {"a": FIRST, "b": SECOND.astype("uint8")})
    # Not to the last bit: columns of J are in another order.
    np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_data_of_another_shape_raise(name):
    model = two_inputs()
    with pytest.raises(ValueError, match="input 'a' takes batches of shape"):
        FUNCTIONS[name](model, [FIRST, np.ones((3, 5))])


@pytest.mark.parametrize("name", OF_INPUTS)
def test_inputs_may_be_named(name):
    model = two_inputs()
    alone = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    alone.set_weights([
        WEIGHTS[2:],
        np.array([99.0, 0.0, 0.0]),
    ])
    x = {"a": np.zeros((3, 2)), "b": SECOND}
    np.testing.assert_allclose(
        FUNCTIONS[name](model, x, inputs="b"),
        FUNCTIONS[name](alone, SECOND),
        rtol=1e-5,
    )


@pytest.mark.parametrize("name", OF_INPUTS)
def test_token_models_are_measured_from_their_embedding(name):
    tokens = np.array([[4], [1], [2]])
    head = keras.layers.Dense(3)
    model = keras.Sequential([
        keras.Input((1,), dtype="int32"),
        keras.layers.Embedding(5, 2, name="embedding"),
        keras.layers.Flatten(),
        head,
    ])
    table = RNG.normal(size=(5, 2))
    weights = [WEIGHTS[:2], np.array([99.0, 0.0, 0.0])]
    model.set_weights([table, *weights])
    behind = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    behind.set_weights(weights)
    np.testing.assert_allclose(
        FUNCTIONS[name](model, tokens, inputs="embedding"),
        FUNCTIONS[name](behind, table[tokens[:, 0]]),
        rtol=1e-5,
    )
