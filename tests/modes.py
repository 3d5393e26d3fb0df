"""The ways in which each framework runs one and the same code."""

import keras

from keras_gc import backend

BACKEND = keras.config.backend()
MODES = {
    "tensorflow": ("eager", "graph", "xla"),
    "jax": ("eager", "jit"),
    "torch": ("eager",),
}[BACKEND]
# Where a test has time for one: on JAX eager code compiles each operation.
FAST_MODE = "jit" if BACKEND == "jax" else "eager"


def compiled(mode, fn, constants=(), state=()):
    """Return `fn`, to be called many times.

    Args:
        mode: one of `MODES`.
        fn: function of a structure of tensors.
        constants: variables that `fn` reads.
        state: variables that it changes.
    """
    if mode == "eager":
        return fn
    if mode == "jit":
        return backend.compiled(fn, constants, state)
    import tensorflow as tf

    return tf.function(fn, autograph=False, jit_compile=mode == "xla")
