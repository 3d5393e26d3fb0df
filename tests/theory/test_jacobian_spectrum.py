import keras
import numpy as np
import pytest

from keras_gc import geometric_complexity
from keras_gc.theory.jacobian_spectrum import jacobian_spectrum
from tests.theory.numpy_networks import cnn, mlp


def rng():
    return np.random.default_rng(1)


def diagonal_model(diagonal):
    size = len(diagonal)
    dense = keras.layers.Dense(size, use_bias=False)
    model = keras.Sequential([keras.Input((size,)), dense])
    model.set_weights([np.diag(diagonal)])
    return model


@pytest.mark.parametrize("build", [mlp, cnn])
def test_singular_values_agree_with_svd_of_central_differences(build):
    model, network = build("tanh")
    x = rng().normal(size=(5, *model.input_shape[1:]))
    oracle = [
        np.linalg.svd(network.jacobian(row), compute_uv=False) for row in x
    ]
    spectrum = jacobian_spectrum(model, x, batch_size=2)
    np.testing.assert_allclose(spectrum.singular_values, oracle, atol=1e-5)


def test_squares_sum_to_geometric_complexity():
    model, _ = cnn()
    x = rng().normal(size=(5, 5, 4, 2))
    squares = jacobian_spectrum(model, x).singular_values ** 2
    assert squares.sum(axis=1).mean() == pytest.approx(
        float(geometric_complexity(model, x)), rel=1e-5
    )


def test_effective_rank_is_the_rank_of_equal_singular_values():
    for diagonal, rank in [((2, 2, 2), 3), ((5, 5, 0), 2), ((0, 0, 7), 1)]:
        spectrum = jacobian_spectrum(diagonal_model(diagonal), np.ones((2, 3)))
        np.testing.assert_allclose(spectrum.effective_rank, [rank] * 2)


def test_effective_rank_is_the_exponential_of_the_entropy():
    spectrum = jacobian_spectrum(diagonal_model((3, 1)), np.ones((1, 2)))
    expected = 0.75**-0.75 * 0.25**-0.25
    np.testing.assert_allclose(spectrum.effective_rank, [expected])


def test_effective_rank_of_nothing_is_zero():
    spectrum = jacobian_spectrum(diagonal_model((0, 0)), np.ones((1, 2)))
    assert spectrum.effective_rank.tolist() == [0]


def test_a_wide_output_takes_the_shorter_side():
    model, network = mlp("tanh", units=(5, 9), num_inputs=2)
    x = rng().normal(size=(3, 2))
    oracle = [
        np.linalg.svd(network.jacobian(row), compute_uv=False) for row in x
    ]
    values = jacobian_spectrum(model, x).singular_values
    assert values.shape == (3, 2)
    np.testing.assert_allclose(values, oracle, atol=1e-5)


def test_errors_say_what_is_needed():
    with pytest.raises(TypeError, match=r"`model` must be a `keras\.Model`"):
        jacobian_spectrum([], np.ones((1, 2)))
    with pytest.raises(ValueError, match="at least one example"):
        jacobian_spectrum(diagonal_model((1, 1)), np.ones((0, 2)))
