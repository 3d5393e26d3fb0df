import keras
import numpy as np
import pytest

from keras_gc.theory.jacobian import Jacobian
from tests.theory.numpy_networks import mlp, norm


def rng():
    return np.random.default_rng(1)


def assert_norms(bounds, matrices):
    """The bounds enclose the norms, but for what float32 rounds."""
    exact = np.array([norm(matrix) for matrix in matrices])
    lower, upper = bounds
    np.testing.assert_allclose(lower, exact, rtol=1e-4)
    assert np.all(lower <= exact * (1 + 1e-6))
    np.testing.assert_allclose(upper, exact, rtol=1e-3)
    assert np.all(upper >= exact)


@pytest.mark.parametrize(
    ("num_outputs", "num_inputs"),
    [(3, 7), (3, 2), (20, 2), (20, 25)],
    ids=["by rows", "by a few rows", "by columns", "by many rows"],
)
def test_matrix_and_norm_agree_with_central_differences(
    num_outputs, num_inputs
):
    model, network = mlp("tanh", (6, num_outputs), num_inputs)
    x = rng().normal(size=(5, num_inputs)).astype("float32")
    jacobian = Jacobian(lambda x: (x, model), model.variables)
    oracle = np.stack([network.jacobian(row) for row in x])
    batch = keras.ops.convert_to_tensor(x)
    np.testing.assert_allclose(jacobian.matrix(batch), oracle, atol=1e-5)
    assert_norms(jacobian.norm_bounds(batch), oracle)
    assert jacobian.sizes(batch) == (num_outputs, num_inputs)


def test_inputs_and_outputs_may_be_structures():
    a, b = rng().normal(size=(2, 3, 2)).astype("float32")
    a_b = {
        "a": keras.ops.convert_to_tensor(a),
        "b": [keras.ops.convert_to_tensor(b)],
    }

    def fn(point):  # J = [[diag(b), diag(a)], [1 1 0 0]]
        product = point["a"] * point["b"][0]
        return product[:, :, None], keras.ops.sum(point["a"], axis=1)

    jacobian = Jacobian(lambda x: (x, fn), [])
    oracle = [
        np.block([
            [np.diag(b_row), np.diag(a_row)],
            [np.ones((1, 2)), np.zeros((1, 2))],
        ])
        for a_row, b_row in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(jacobian.matrix(a_b), oracle, rtol=1e-6)
    assert_norms(jacobian.norm_bounds(a_b), oracle)


def test_the_check_sees_the_outputs_of_the_first_batch():
    seen = []
    jacobian = Jacobian(lambda x: (x, lambda x: 2 * x), [], seen.append)
    x = keras.ops.convert_to_tensor([[1.0, 2.0], [3.0, 4.0]])
    for _ in range(2):
        jacobian.norm_bounds(x)
    assert [outputs.tolist() for outputs in seen] == [[[2.0, 4.0], [6.0, 8.0]]]
