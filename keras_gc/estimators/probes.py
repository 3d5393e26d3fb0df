"""Random vectors `v` with `E[v v^T] = I`, for `E ||J^T v||^2 = ||J||_F^2`."""

import itertools
import math
import random

import keras
from keras import ops

from keras_gc import _validation

_WORD = 16  # signs in one random number


def successive(seed):
    """Yield seeds for draws that must not be alike.

    A generator gives new numbers each time; an int would repeat its own.

    Args:
        seed: int, `keras.random.SeedGenerator` or None.

    Yields:
        Ints, or the same generator (None) again and again.
    """
    if isinstance(seed, int):
        generator = random.Random(seed)
        while True:
            yield generator.getrandbits(31)
    yield from itertools.repeat(seed)


def rademacher(shape, seed):
    """Return independent signs: the least variance where J J^T is diagonal."""
    count = math.prod(shape)
    # Each random number gives many signs: drawing them is slow, under XLA most.
    words = ((count + _WORD - 1) // _WORD, 1)
    words = keras.random.randint(words, 0, 2**_WORD, seed=seed)
    bits = ops.bitwise_and(ops.right_shift(words, ops.arange(_WORD)), 1)
    bits = ops.reshape(ops.reshape(bits, (-1,))[:count], shape)
    return 2.0 * ops.cast(bits, "float32") - 1.0


def gaussian(shape, seed):
    """Return independent standard normal entries."""
    return keras.random.normal(shape, dtype="float32", seed=seed)


def sphere(shape, seed):
    """Return rows uniform on the sphere whose radius is the root of their size.

    Reference: Hoffman, Roberts, Yaida 2019 (arXiv 1908.02729), equation 9.
    """
    rows = gaussian(shape, seed)
    axes = tuple(range(1, len(shape)))
    return rows / ops.sqrt(ops.mean(ops.square(rows), axis=axes, keepdims=True))


_PROBES = {
    "rademacher": rademacher,
    "gaussian": gaussian,
    "sphere": sphere,
}


def get(name):
    """Return the sampler `(shape, seed) -> tensor` of a probe's name.

    Args:
        name: `"rademacher"`, `"gaussian"` or `"sphere"`.

    Returns:
        The sampler.
    """
    return _PROBES[_validation.one_of("probe", name, _PROBES)]
