import keras
import numpy as np
import pytest
from keras import ops

from keras_gc import backend
from keras_gc.heuristics.gaussian_noise import gaussian_noise
from tests.heuristics.steps import assert_normal


def draw(shape, stddev=1.0, dtype="float32", seed=1):
    seed = keras.random.SeedGenerator(seed)
    noise = gaussian_noise(shape, stddev, dtype, seed)
    assert keras.backend.standardize_dtype(noise.dtype) == dtype
    return ops.convert_to_numpy(ops.cast(noise, "float32")).astype("float64")


def steps(count, *shape):
    """The noise of many steps, `(count, *shape)`."""
    seed = keras.random.SeedGenerator(0)
    return np.stack([
        ops.convert_to_numpy(gaussian_noise(shape, 1.0, "float32", seed))
        for _ in range(count)
    ]).astype("float64")


def assert_mean(values, expected, precision=0.03):
    """The mean within 5 standard errors: a false alarm in 10^6 runs."""
    error = values.std() / np.sqrt(values.size)
    assert abs(values.mean() - expected) <= 5 * error
    assert error < precision  # or nothing could fail


def test_entries_are_standard_normal():
    noise = draw((500, 20, 50)).ravel()
    assert_normal(noise)
    assert_mean(noise**4, 3)
    assert_mean(noise**6, 15, 0.2)
    # Kolmogorov-Smirnov, at a false alarm rate of 1e-6.
    ranks = np.sort(noise)
    normal = 0.5 * (1 + ops.convert_to_numpy(ops.erf(ranks / np.sqrt(2))))
    steps = np.arange(1, noise.size + 1) / noise.size
    assert np.abs(normal - steps).max() < 2.7 / np.sqrt(noise.size)
    assert 4.2 < np.abs(noise).max() < 5.5


def test_products_have_the_means_of_independent_entries():
    noise = draw((600, 400))
    a, b = noise[:300, :200], noise[300:, :200]
    c, d = noise[:300, 200:], noise[300:, 200:]
    for product in (a * b, a * c, a * b * c, a * b * c * d, a**2 * b):
        assert_mean(product, 0)
    for product in (a**2 * b**2, a**2 * c**2, a**2 * d**2, (a * b * c) ** 2):
        assert_mean(product, 1)


def test_entries_of_one_step_are_as_good_as_those_of_many():
    # Given its columns, a step must not correlate them in all of its rows.
    for columns in draw((20000, 6), seed=3), draw((6, 20000), seed=4).T:
        gram = columns.T @ columns / len(columns)
        assert np.abs(gram - np.eye(6)).max() < 5 * np.sqrt(2 / len(columns))


def test_singular_values_are_those_of_independent_entries():
    # Marchenko and Pastur: the ends of the spectrum, 1 +- sqrt(1 / 4).
    values = np.linalg.svd(draw((1600, 400)), compute_uv=False) / 40
    assert values.max() == pytest.approx(1.5, rel=0.02)
    assert values.min() == pytest.approx(0.5, rel=0.02)


def test_each_step_and_each_seed_draws_anew():
    noise = steps(200, 10, 20)
    gram = np.tensordot(noise, noise, axes=([1, 2], [1, 2])) / 200
    off_diagonal = gram - np.diag(np.diag(gram))
    assert np.abs(off_diagonal).max() < 6 / np.sqrt(200)
    assert_mean(noise.mean(axis=0), 0)
    assert abs(np.mean(draw((200,), seed=1) * draw((200,), seed=2))) < 0.4
    np.testing.assert_array_equal(draw((3, 4), seed=5), draw((3, 4), seed=5))


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3), (3, 3, 16, 8)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_shape_dtype_and_scale(shape, dtype):
    noise = draw(shape, 0.0, dtype)
    assert noise.shape == shape
    assert not noise.any()
    big = draw(shape, 2.0**10, dtype)
    np.testing.assert_array_equal(big, 2.0**10 * draw(shape, 1.0, dtype))


def test_sizes_may_be_unknown_when_it_is_traced():
    seed = keras.random.SeedGenerator(1)
    noisy = backend.compiled(
        lambda x: gaussian_noise(ops.shape(x), 1.0, "float32", seed),
        [],
        [seed.state],
    )
    one, other = noisy(ops.zeros((4, 3, 2))), noisy(ops.zeros((5, 3, 2)))
    assert one.shape == (4, 3, 2)
    assert other.shape == (5, 3, 2)
    one = ops.convert_to_numpy(one)
    assert len(np.unique(one)) == one.size
