import numpy as np
import pytest

from keras_gc.theory.lanczos import largest_singular_values


def rng():
    return np.random.default_rng(0)


def norms(matrices):
    """The norms, and the number of products that they took."""
    products = []

    def gram(vectors):
        products.append(None)
        return (matrices @ (matrices.swapaxes(1, 2) @ vectors[..., None]))[
            ..., 0
        ]

    return largest_singular_values(gram, matrices.shape[:2]), len(products)


def svd_norms(matrices):
    return np.linalg.svd(matrices, compute_uv=False)[:, 0]


def close_spectrum(size):
    """The spectrum of a convolution: dense below its end."""
    left, right = np.linalg.qr(rng().normal(size=(2, size, size)))[0]
    return left * np.cos(np.linspace(0, np.pi / 2, size)) @ right


@pytest.mark.parametrize(
    "matrices",
    [
        rng().normal(size=(7, 40, 30)),
        rng().normal(size=(7, 30, 40)),
        rng().normal(size=(5, 3, 300)),
        close_spectrum(300)[None],
        np.stack([np.eye(6), np.diag([3.0, 0, 0, 0, 0, 1]), np.zeros((6, 6))]),
        1e-12 * rng().normal(size=(2, 8, 8)),
    ],
    ids=["tall", "wide", "few rows", "close", "degenerate", "tiny"],
)
def test_agrees_with_svd_from_below(matrices):
    values, _ = norms(matrices)
    expected = svd_norms(matrices)
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    assert np.all(values <= expected * (1 + 1e-12))


def test_products_are_few_and_no_more_than_rows():
    assert norms(np.eye(500)[None])[1] == 1
    assert norms(rng().normal(size=(2, 3, 300)))[1] <= 3
    assert norms(close_spectrum(300)[None])[1] < 300 / 4


def test_the_same_map_gives_the_same_value():
    matrices = rng().normal(size=(3, 20, 20))
    np.testing.assert_array_equal(norms(matrices)[0], norms(matrices)[0])
