"""The norm against `numpy.linalg.svd`, its gradient, its edge cases."""

import keras
import numpy as np
import pytest

from keras_gc.regularizers import matrix_norm
from tests.modes import MODES
from tests.oracles import jax_x64
from tests.regularizers.differentiate import (
    assert_gradient_of,
    float64,
    value_and_gradient,
)


def gaussian(*shape):
    return np.random.default_rng(1).standard_normal(shape)


def with_spectrum(singular_values):
    """Return a square matrix with these singular values, rotated at random."""
    size = len(singular_values)
    rng = np.random.default_rng(2)
    left, right = np.linalg.qr(rng.standard_normal((2, size, size)))[0]
    return left * singular_values @ right


def svd_norm(matrix):
    return np.linalg.svd(matrix.astype("float64"), compute_uv=False)[..., 0]


LINE = np.linspace(1, 0, 150)
# One size that is squared and one that goes through the Krylov basis.
SMALL = {
    "gaussian": gaussian(50, 50),
    "identity": np.eye(50),
    "orthogonal": with_spectrum(np.ones(50)),
    "equal_pair": with_spectrum(np.r_[1, LINE[::3][:49]]),
    "even_spectrum": with_spectrum(LINE[::3]),
    "crowded_spectrum": with_spectrum(1 - LINE[::3] ** 2),
    "rank_one": np.outer(np.arange(50), np.ones(50)),
    "zero": np.zeros((50, 50)),
}
LARGE = {
    "gaussian": gaussian(150, 150),
    "uniform": np.random.default_rng(1).uniform(size=(150, 150)),
    "identity": np.eye(150),
    "diagonal": np.diag(np.arange(150.0)),
    "orthogonal": with_spectrum(np.ones(150)),
    "equal_pair": with_spectrum(np.r_[1, LINE[:149]]),
    "two_values": with_spectrum(np.r_[[2] * 3, [1] * 147]),
    "even_spectrum": with_spectrum(LINE),
    "rank_one": np.outer(np.arange(150), np.ones(150)),
    "blocks": np.kron(np.diag([1.1, 1, 1]), np.ones((50, 50))),
    "zero": np.zeros((150, 150)),
}


@pytest.mark.parametrize("matrices", [SMALL, LARGE], ids=["small", "large"])
def test_equals_svd(matrices):
    stack = np.stack(list(matrices.values())).astype("float32")
    norms = keras.ops.convert_to_numpy(matrix_norm(stack))
    assert norms.dtype == "float32"
    expected = dict(zip(matrices, svd_norm(stack), strict=True))
    assert dict(zip(matrices, norms, strict=True)) == pytest.approx(
        expected, rel=2e-6
    )


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 5), (5, 1), (40, 300), (300, 96), (96, 300)]
)
def test_every_shape_equals_svd(shape):
    matrix = gaussian(*shape).astype("float32")
    np.testing.assert_allclose(
        float(matrix_norm(matrix)), svd_norm(matrix), rtol=2e-6
    )


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal"])
def test_dense_layer_of_512_units_equals_svd(kind):
    matrix = gaussian(512, 512)
    if kind == "orthogonal":
        matrix = np.linalg.qr(matrix)[0]
    np.testing.assert_allclose(
        float(matrix_norm(matrix.astype("float32"))),
        svd_norm(matrix),
        rtol=2e-6,
    )


def test_spectrum_crowded_at_the_top():
    # The slowest for Lanczos: singular values 1 - (i / n)^2, spaced at the
    # edge like the nodes of a Chebyshev polynomial.
    matrix = with_spectrum(1 - np.linspace(0, 1, 150) ** 2).astype("float32")
    np.testing.assert_allclose(float(matrix_norm(matrix)), 1, rtol=2e-4)
    np.testing.assert_allclose(float(matrix_norm(matrix, 128)), 1, rtol=5e-5)


@pytest.mark.parametrize(
    "dtype, bound", [("float32", 1e-4), ("float64", 1e-10)]
)
def test_small_matrix_keeps_the_bound_at_every_gap(dtype, bound):
    # All singular values but one lie just below it: the worst case, and each
    # gap has its own worst number of iterations.
    gaps = np.logspace(-12, -0.1, 60)
    spectra = np.ones((60, 33))
    spectra[:, 1:] -= gaps[:, None]
    matrices = np.stack([with_spectrum(s) for s in spectra]).astype(dtype)
    with jax_x64():
        tensor = keras.ops.convert_to_tensor(matrices, dtype=dtype)
        norms = keras.ops.convert_to_numpy(matrix_norm(tensor))
    errors = 1 - norms / svd_norm(matrices)
    assert norms.dtype == dtype
    assert errors.max() < bound
    # Never above the norm, but for rounding.
    assert errors.min() > -20 * np.finfo(dtype).eps


@pytest.mark.parametrize("size", [50, 150])
def test_float64_to_1e_10(size):
    matrix = gaussian(size, size)
    with jax_x64():
        norm = matrix_norm(float64(matrix))
        assert keras.backend.standardize_dtype(norm.dtype) == "float64"
        np.testing.assert_allclose(float(norm), svd_norm(matrix), rtol=1e-10)


@pytest.mark.parametrize("size", [50, 150])
def test_scale_neither_overflows_nor_vanishes(size):
    scales = np.array([1e-30, 1, 1e30])[:, None, None]
    matrices = (scales * gaussian(size, size)).astype("float32")
    norms = keras.ops.convert_to_numpy(matrix_norm(matrices))
    np.testing.assert_allclose(norms, svd_norm(matrices), rtol=2e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(50, 50), (90, 150)])
def test_gradient_is_the_product_of_singular_vectors(shape, mode):
    matrix = gaussian(*shape).astype("float32")
    left, values, right = np.linalg.svd(matrix)
    value, gradient = value_and_gradient(matrix_norm, matrix, mode)
    np.testing.assert_allclose(value, values[0], rtol=2e-6)
    np.testing.assert_allclose(
        gradient, np.outer(left[:, 0], right[0]), atol=1e-3
    )


@pytest.mark.parametrize("shape", [(7, 12), (90, 150)])
def test_gradient_equals_finite_differences(shape):
    assert_gradient_of(matrix_norm, gaussian(*shape))


@pytest.mark.parametrize("size", [50, 150])
def test_zero_matrix_has_gradient_zero(size):
    zero = np.zeros((size, size), "float32")
    value, gradient = value_and_gradient(matrix_norm, zero)
    assert value == 0
    np.testing.assert_array_equal(gradient, zero)


@pytest.mark.parametrize("matrices", [SMALL, LARGE], ids=["small", "large"])
def test_gradient_of_an_orthogonal_matrix_is_a_subgradient(matrices):
    matrix = matrices["orthogonal"].astype("float32")
    _, gradient = value_and_gradient(matrix_norm, matrix)
    singular_values = np.linalg.svd(gradient, compute_uv=False)
    np.testing.assert_allclose(singular_values[:2], [1, 0], atol=1e-5)
    np.testing.assert_allclose(np.sum(gradient * matrix), 1, rtol=1e-5)


def test_leading_axes_are_kept():
    matrices = gaussian(3, 2, 9, 5).astype("float32")
    norms = keras.ops.convert_to_numpy(matrix_norm(matrices))
    np.testing.assert_allclose(norms, svd_norm(matrices), rtol=2e-6)
    # Four steps in five dimensions: the Krylov basis lacks little.
    norms = keras.ops.convert_to_numpy(matrix_norm(matrices, 4))
    np.testing.assert_allclose(norms, svd_norm(matrices), rtol=1e-2)


def test_more_power_iterations_come_closer_from_below():
    matrix = gaussian(512, 512).astype("float32")
    norms = [float(matrix_norm(matrix, steps)) for steps in (1, 4, 16)]
    assert norms == sorted(norms)
    # One is the gain of a random direction, half of the norm for this matrix.
    assert 0.4 < norms[0] / svd_norm(matrix) < 0.6
    np.testing.assert_allclose(norms[-1], svd_norm(matrix), rtol=1e-2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    matrix = keras.ops.cast(SMALL["gaussian"].astype("float32"), dtype)
    norm = matrix_norm(matrix)
    rounded = keras.ops.convert_to_numpy(keras.ops.cast(matrix, "float32"))
    assert keras.backend.standardize_dtype(norm.dtype) == "float32"
    np.testing.assert_allclose(float(norm), svd_norm(rounded), rtol=2e-6)


@pytest.mark.parametrize("size", [50, 150])
def test_nan_is_not_hidden(size):
    matrix = np.ones((size, size), "float32")
    matrix[1, 1] = np.nan
    assert np.isnan(float(matrix_norm(matrix)))


def test_vector_is_refused():
    with pytest.raises(ValueError, match=r"at least two axes.*shape \(3,\)"):
        matrix_norm(np.ones(3))


def test_no_power_iterations_are_refused():
    with pytest.raises(ValueError, match="int >= 1.*power_iterations=0"):
        matrix_norm(np.ones((2, 2)), power_iterations=0)
