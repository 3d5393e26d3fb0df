import numpy as np
import pytest

from keras_gc.theory.lanczos import largest_singular_values


def rng():
    return np.random.default_rng(0)


def norms(matrices):
    """Bounds of the norms, and the number of products that they took."""
    products = []

    def gram(vectors):
        products.append(None)
        return (matrices @ (matrices.swapaxes(1, 2) @ vectors[..., None]))[
            ..., 0
        ]

    bounds = largest_singular_values(gram, matrices.shape[:2])
    return bounds, len(products)


def svd_norms(matrices):
    return np.linalg.svd(matrices, compute_uv=False)[:, 0]


def close_spectrum(size, seed=0):
    """The spectrum of a convolution: dense below its end."""
    random = np.random.default_rng(seed).normal(size=(2, size, size))
    left, right = np.linalg.qr(random)[0]
    return left * np.cos(np.linspace(0, np.pi / 2, size)) @ right


@pytest.mark.parametrize(
    "matrices",
    [
        rng().normal(size=(7, 40, 30)),
        rng().normal(size=(7, 30, 40)),
        rng().normal(size=(5, 3, 300)),
        close_spectrum(150)[None],
        np.stack([np.eye(6), np.diag([3.0, 0, 0, 0, 0, 1]), np.zeros((6, 6))]),
        1e-12 * rng().normal(size=(2, 8, 8)),
    ],
    ids=["tall", "wide", "few rows", "close", "degenerate", "tiny"],
)
def test_bounds_enclose_the_svd(matrices):
    (lower, upper), _ = norms(matrices)
    expected = svd_norms(matrices)
    np.testing.assert_allclose(lower, expected, rtol=1e-4)
    assert np.all(lower <= expected * (1 + 1e-12))
    np.testing.assert_allclose(upper, expected, rtol=1e-3)
    assert np.all(upper >= expected)


@pytest.mark.parametrize("seed", range(4))
def test_the_upper_bound_holds_for_spectra_that_are_dense_at_the_end(seed):
    # 300 rows: more than the steps that are taken.
    matrix = close_spectrum(300, seed)[None]
    (lower, upper), products = norms(matrix)
    exact = svd_norms(matrix)[0]
    assert products < 300
    assert lower[0] <= exact * (1 + 1e-12)
    assert exact <= upper[0] <= exact * (1 + 2e-3)


def test_rounding_in_the_products_is_added():
    matrix = rng().normal(size=(200, 300))
    noise = 1e-3 * rng().normal(size=(200, 200)) * np.sqrt(200)

    def gram(vectors):  # a wrong product, by more than the tolerance
        return vectors @ (matrix @ matrix.T + noise)

    _, upper = largest_singular_values(gram, (1, 200))
    assert upper[0] >= np.linalg.norm(matrix, 2)


def test_products_are_few_and_no_more_than_rows():
    assert norms(np.eye(500)[None])[1] == 1
    assert norms(rng().normal(size=(2, 3, 300)))[1] <= 3
    assert norms(close_spectrum(500)[None])[1] <= 200
