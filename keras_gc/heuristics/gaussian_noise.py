"""Gaussian noise for large tensors from few random numbers."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

# Whole numbers of 32 bits to numbers between -1 and 1. The last bit of
# float32 is taken off, since the inverse error function is infinite at +-1.
_TO_UNIT = (1 - 2**-24) / 2**31


def gaussian_noise(
    shape: Sequence[Any], stddev: float, dtype: Any, seed: Any
) -> Any:
    """Return `stddev * e`, each entry of e standard normal.

    Random numbers cost more than all else in a noisy step (under XLA on CPU
    TensorFlow takes some 400 ns for one). So the entries are laid out in a
    matrix, one random odd number of 32 bits is drawn for each row and for
    each column, and entry (i, j) is made of their product:

        e_ij = sqrt(2) erfinv(u_ij),  u_ij = row_i * column_j mod 2^32,

    with u scaled to (-1, 1). The odd numbers are a group under this product,
    so the law is exact in this sense:

    - each entry is standard normal, to the resolution of float32 (as are
      JAX's own normal numbers), and at most 5.5;
    - any three entries are independent; so are any number of entries among
      which no four are the corners of a rectangle. Each polynomial of degree
      three in the noise has the mean that independent entries give it.

    Four entries at the corners of a rectangle satisfy one equation in the
    group. It is as invisible in real numbers as the multiplication in a
    congruential random number generator: the mean of their product is 0 to
    the 1e-3 that the tests can tell.

    Args:
        shape: sequence of ints, or of tensors where a size is not known.
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
