"""The operator norm of a convolution: its largest gain over frequencies."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_gc._validation import positive_int
from keras_gc.regularizers.matrix_norm import float_tensor, matrix_norm

# A few power iterations per frequency find the frequency with the largest norm;
# its norm is then computed with all `power_iterations`.
_SEARCH_ITERATIONS = 8


def convolution_norm(
    kernel: Any,
    input_shape: Sequence[int] | None = None,
    *,
    depthwise: bool = False,
    power_iterations: int = 64,
) -> Any:
    """Compute the operator norm of a convolution with circular padding.

    At each frequency omega of the image the convolution is a matrix over the
    channels,

        K(omega) = sum_t K_t exp(-i omega t),
        ||K|| = max_omega ||K(omega)||_2,

    and the image has as many frequencies as pixels. The gradient holds the
    frequency and its singular vectors constant.

    Zero padding ("same", "valid"): the norm on images of `size` pixels is at
    most the circular norm on `size + kernel_size - 1` pixels. Strides only
    lower it, and a transposed convolution has the norm of its convolution.

    Args:
        kernel: tensor of shape `(*kernel_size, channels_in, channels_out)`,
            with one, two or three spatial axes or more. With groups, where
            `channels_in` is that of one group, the result is an upper bound.
        input_shape: sequence of ints, pixels of the image along each spatial
            axis. Defaults to `8 * (kernel_size - 1)` along each axis (16 x 16
            for a kernel of 3 x 3). On an image of any other size, circular or
            zero-padded, the norm is at most `1 / cos(pi / 16)` = 1.02 times
            this one, per spatial axis.
        depthwise: bool, whether the kernel is that of a depthwise convolution,
            `(*kernel_size, channels, depth_multiplier)`. Defaults to False.
        power_iterations: int >= 1, as in `matrix_norm`. Defaults to 64.

    Returns:
        A scalar tensor, float32 or float64. The norm at the chosen frequency
        is as accurate as `matrix_norm`; the frequency is chosen after eight
        steps of Lanczos at each of them.

    Raises:
        ValueError: if `kernel` has fewer than three axes, or `input_shape`
            does not have one entry for each spatial axis.

    Example:
    >>> import numpy as np
    >>> blur = np.full((3, 3, 1, 1), 1 / 9)
    >>> round(float(convolution_norm(blur)), 4)
    1.0

    Reference: Sedghi, Gupta & Long, "The Singular Values of Convolutional
    Layers", ICLR 2019, theorem 6.
    """
    kernel = float_tensor(kernel)
    if len(kernel.shape) < 3:
        raise ValueError(
            "`kernel` must have the shape (*kernel_size, channels_in, "
            f"channels_out). Received: kernel of shape {tuple(kernel.shape)}"
        )
    kernel_size = kernel.shape[:-2]
    if input_shape is None:
        input_shape = [max(1, 8 * (size - 1)) for size in kernel_size]
    elif len(input_shape) != len(kernel_size):
        raise ValueError(
            "`input_shape` must have one entry for each of the "
            f"{len(kernel_size)} spatial axes of the kernel. "
            f"Received: input_shape={input_shape}"
        )
    phases = _phases(
        kernel_size, [positive_int("input_shape", size) for size in input_shape]
    )
    cosines = ops.convert_to_tensor(np.cos(phases), dtype=kernel.dtype)
    sines = ops.convert_to_tensor(np.sin(phases), dtype=kernel.dtype)

    search = _channel_matrices(
        ops.stop_gradient(kernel), cosines, sines, depthwise
    )
    search = matrix_norm(search, min(power_iterations, _SEARCH_ITERATIONS))
    best = ops.argmax(ops.max(search, axis=-1), keepdims=True)
    found = _channel_matrices(
        kernel,
        ops.take(cosines, best, axis=0),
        ops.take(sines, best, axis=0),
        depthwise,
    )
    return ops.max(matrix_norm(found, power_iterations))


def _phases(kernel_size: Sequence[int], input_shape: Sequence[int]) -> Any:
    """Return omega * t, (frequencies, taps), for one of each +-omega."""
    *axes, last = [2 * np.pi * np.arange(n) / n for n in input_shape]
    last = last[: len(last) // 2 + 1]
    frequencies = np.array(list(itertools.product(*axes, last)))
    taps = np.array(list(np.ndindex(*kernel_size)))
    return frequencies @ taps.T


def _channel_matrices(
    kernel: Any, cosines: Any, sines: Any, depthwise: bool
) -> Any:
    """Return (frequencies, blocks, 2 * channels_in, 2 * channels_out).

    A complex matrix A + iB is written as the real one [[A, -B], [B, A]],
    which has the same singular values, each twice.
    """
    *_, rows, columns = kernel.shape
    taps = ops.reshape(kernel, (-1, rows * columns))
    blocks = (rows, 1, columns) if depthwise else (1, rows, columns)
    real = ops.reshape(cosines @ taps, (-1, *blocks))
    imaginary = ops.reshape(sines @ taps, (-1, *blocks))
    return ops.concatenate(
        [
            ops.concatenate([real, -imaginary], axis=-1),
            ops.concatenate([imaginary, real], axis=-1),
        ],
        axis=-2,
    )
