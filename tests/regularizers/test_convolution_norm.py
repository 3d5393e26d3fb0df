"""The norm against the dense matrix of the convolution, entry by entry."""

import keras
import numpy as np
import pytest

from keras_gc.regularizers import convolution_norm, matrix_norm
from tests.modes import MODES
from tests.oracles import jax_x64
from tests.regularizers.differentiate import (
    assert_gradient_of,
    float64,
    value_and_gradient,
)

# Kernel (the last two axes are channels) and image.
SHAPES = {
    "conv1d": ((3, 2, 3), (7,)),
    "conv2d": ((3, 2, 2, 3), (5, 4)),
    "conv3d": ((2, 3, 2, 2, 1), (3, 4, 2)),
    "kernel_wider_than_image": ((5, 1, 2, 2), (3, 2)),
    "one_pixel": ((3, 3, 4, 2), (1, 1)),
    "search_by_lanczos": ((3, 8, 9), (6,)),
    "more_channels": ((3, 33, 34), (4,)),
}


def kernel_of(shape):
    return np.random.default_rng(0).standard_normal(shape)


def dense_operator(kernel, image, circular=True):
    """The matrix from all input pixels and channels to all output ones."""
    *kernel_size, channels_in, channels_out = kernel.shape
    matrix = np.zeros((*image, channels_in, *image, channels_out))
    for pixel in np.ndindex(*image):
        for tap in np.ndindex(*kernel_size):
            source = tuple(np.add(pixel, tap))
            if circular:
                source = tuple(np.mod(source, image))
            elif np.any(np.greater_equal(source, image)):
                continue
            where = (*source, slice(None), *pixel, slice(None))
            matrix[where] += kernel[tap]
    return matrix.reshape(np.prod(image) * channels_in, -1)


def depthwise_operator(kernel, image):
    """The same of a depthwise kernel, as a full one with zeros."""
    *kernel_size, channels, multiplier = kernel.shape
    full = np.zeros((*kernel_size, channels, channels, multiplier))
    for channel in range(channels):
        full[..., channel, channel, :] = kernel[..., channel, :]
    full = full.reshape(*kernel_size, channels, channels * multiplier)
    return dense_operator(full, image)


def spectral(matrix):
    return np.linalg.norm(matrix, 2)


@pytest.mark.parametrize("name", SHAPES)
def test_equals_the_norm_of_the_dense_operator(name):
    shape, image = SHAPES[name]
    expected = spectral(dense_operator(kernel_of(shape), image))
    with jax_x64():
        norm = convolution_norm(float64(kernel_of(shape)), image)
        np.testing.assert_allclose(float(norm), expected, rtol=1e-10)


def test_float32_kernel_equals_it_too():
    shape, image = SHAPES["conv2d"]
    expected = spectral(dense_operator(kernel_of(shape), image))
    norm = convolution_norm(kernel_of(shape).astype("float32"), image)
    assert keras.backend.standardize_dtype(norm.dtype) == "float32"
    np.testing.assert_allclose(float(norm), expected, rtol=5e-6)


@pytest.mark.parametrize(
    "shape, image",
    [((3, 3, 2), (5,)), ((3, 3, 3, 1), (4, 5)), ((2, 2, 2, 2, 2), (3, 3, 2))],
    ids=["1d", "2d", "3d"],
)
def test_depthwise_equals_the_norm_of_the_dense_operator(shape, image):
    kernel = kernel_of(shape)
    expected = spectral(depthwise_operator(kernel, image))
    norm = convolution_norm(kernel.astype("float32"), image, depthwise=True)
    np.testing.assert_allclose(float(norm), expected, rtol=5e-6)


def test_dense_operator_is_the_convolution_of_keras():
    # Keras pads with zeros: the interior of a circular image, seen from the
    # padded side, is the zero-padded ("valid") one.
    kernel = kernel_of((3, 3, 2, 3)).astype("float32")
    x = np.random.default_rng(1).standard_normal((1, 6, 6, 2))
    x = x.astype("float32")
    ours = (x.ravel() @ dense_operator(kernel, (6, 6))).reshape(6, 6, 3)
    keras_out = keras.ops.convert_to_numpy(keras.ops.conv(x, kernel))[0]
    np.testing.assert_allclose(ours[:4, :4], keras_out, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_bounds_zero_padding_at_the_padded_size(seed):
    kernel = np.random.default_rng(seed).standard_normal((3, 3, 2, 2))
    padded = dense_operator(kernel, (5, 5), circular=False)
    assert spectral(padded) <= float(convolution_norm(kernel, (7, 7)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [2, 3, 4])
def test_default_image_bounds_all_sizes_within_its_factor(size, seed):
    kernel = np.random.default_rng(seed).standard_normal((size, size, 2, 2))
    default = float(convolution_norm(kernel))
    # A multiple of the default sizes, 8, 16 and 24: all their frequencies.
    gains = np.fft.fft2(kernel, (96, 96), axes=(0, 1))
    every_size = np.linalg.svd(gains, compute_uv=False).max()
    assert default <= every_size * (1 + 1e-5)
    assert every_size <= default / np.cos(np.pi / 16) ** 2


def test_default_image_has_8_pixels_per_tap_after_the_first():
    kernel = kernel_of((3, 2, 2, 2)).astype("float32")
    assert float(convolution_norm(kernel)) == float(
        convolution_norm(kernel, (16, 8))
    )


def test_one_tap_is_a_matrix():
    kernel = kernel_of((1, 1, 5, 4)).astype("float32")
    expected = float(matrix_norm(kernel[0, 0]))
    np.testing.assert_allclose(
        float(convolution_norm(kernel)), expected, rtol=1e-6
    )


def test_transposed_convolution_has_the_same_norm():
    kernel = kernel_of((3, 3, 4, 2)).astype("float32")
    np.testing.assert_allclose(
        float(convolution_norm(kernel)),
        float(convolution_norm(kernel.swapaxes(-1, -2))),
        rtol=1e-5,
    )


def test_bounds_a_convolution_in_groups():
    kernel = kernel_of((3, 2, 6)).astype("float32")
    groups = np.split(kernel, 3, axis=-1)
    whole = float(convolution_norm(kernel))
    assert max(float(convolution_norm(group)) for group in groups) <= whole


@pytest.mark.parametrize("depthwise", [False, True])
def test_gradient_equals_finite_differences(depthwise):
    assert_gradient_of(
        lambda kernel: convolution_norm(kernel, depthwise=depthwise),
        kernel_of((3, 2, 2, 3)),
    )


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_the_same_value_and_gradient(mode):
    kernel = kernel_of((3, 3, 4, 6)).astype("float32")
    eager = value_and_gradient(convolution_norm, kernel)
    value, gradient = value_and_gradient(convolution_norm, kernel, mode)
    np.testing.assert_allclose(value, eager[0], rtol=1e-5)
    np.testing.assert_allclose(gradient, eager[1], atol=1e-4)


@pytest.mark.parametrize("depthwise", [False, True])
def test_zero_kernel_has_norm_and_gradient_zero(depthwise):
    zero = np.zeros((3, 3, 2, 2), "float32")
    value, gradient = value_and_gradient(
        lambda kernel: convolution_norm(kernel, depthwise=depthwise), zero
    )
    assert value == 0
    np.testing.assert_array_equal(gradient, zero)


def test_matrix_is_refused():
    with pytest.raises(ValueError, match=r"kernel_size.*shape \(3, 3\)"):
        convolution_norm(np.ones((3, 3)))


def test_image_must_have_the_axes_of_the_kernel():
    with pytest.raises(ValueError, match=r"2 spatial axes.*input_shape=\(4,\)"):
        convolution_norm(np.ones((3, 3, 1, 1)), (4,))
    with pytest.raises(ValueError, match="int >= 1.*input_shape=0"):
        convolution_norm(np.ones((3, 3, 1, 1)), (4, 0))
