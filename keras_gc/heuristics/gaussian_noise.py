"""Gaussian noise for large tensors from few random numbers."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

# Scales integers of 32 bits to (-1, 1): one bit of float32 short of +-1, where
# the inverse error function is infinite.
_TO_UNIT = (1 - 2**-24) / 2**31


def gaussian_noise(
    shape: Sequence[Any], stddev: float, dtype: Any, seed: Any
) -> Any:
    """Return `stddev * e`, each entry of e standard normal.

    Random numbers cost more than all else in a noisy step (under XLA on CPU
    TensorFlow takes some 400 ns for one). So only a few are drawn: the
    entries are laid out in a matrix, each row and each column gets a random
    odd number of 32 bits, and entry (i, j) is made of the product of the two:

        e_ij = sqrt(2) erfinv(u_ij),  u_ij = row_i * column_j mod 2^32,

    with u scaled to (-1, 1). The odd numbers are a group under this product,
    so the law is exact in this sense:

    - each entry is standard normal, to the resolution of float32 (as are
      JAX's own normal numbers), and at most 5.5;
    - any three entries are independent, and so the mean of a polynomial of
      degree three in the noise is that for independent entries. More entries
      are independent if no four of them are the corners of a rectangle.

    Four entries at the corners of a rectangle satisfy one equation in the
    group. Like the multiplication in a congruential random number generator,
    it does not show in the real numbers made of them: the mean of their
    product is 0 within the 1e-3 that the tests resolve.

    Args:
        shape: sequence of ints, with a scalar tensor for a size that is not
            known.
        stddev: float >= 0.
        dtype: a floating dtype.
        seed: `keras.random.SeedGenerator`.

    Returns:
        Tensor of that shape and dtype.
    """
    rows, columns = _layout(shape)
    words = keras.random.randint(
        (rows + columns,), -(2**31), 2**31 - 1, dtype="int32", seed=seed
    )
    words = ops.bitwise_or(words, 1)
    words = words[:rows, None] * words[None, rows:]  # wraps around
    unit = ops.cast(words, "float32") * _TO_UNIT
    noise = (math.sqrt(2) * stddev) * ops.erfinv(unit)
    return ops.cast(ops.reshape(noise, shape), dtype)


def _layout(shape):
    """Return the number of rows and of columns of the matrix."""
    splits = range(len(shape) + 1)
    if not all(isinstance(size, int) for size in shape):
        splits = [1]  # the batch against all else
    layouts = [(_product(shape[:k]), _product(shape[k:])) for k in splits]
    return min(layouts, key=sum) if len(layouts) > 1 else layouts[0]


def _product(sizes):
    product = 1  # `math.prod` takes no tensors
    for size in sizes:
        product = product * size
    return product
