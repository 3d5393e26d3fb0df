"""Slow and obvious: dense Jacobians by central differences in float64."""

import contextlib
import itertools

import keras
import numpy as np
from keras import ops
from keras.src.backend.common import dtypes

from tests.modes import BACKEND, FAST_MODE, compiled


@contextlib.contextmanager
def double_precision():
    """Keras in float64 throughout, as a context or a decorator of a test.

    Off TensorFlow Keras rounds what it promotes to float32; not in here.
    """
    floatx = keras.config.floatx()
    policy = keras.config.dtype_policy()
    rounding = dtypes.BIT64_TO_BIT32_DTYPE["float64"]
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    try:
        with jax_x64():
            yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = rounding


def jax_x64():
    """Let JAX have float64 in a `with`; the others always do."""
    if BACKEND != "jax":
        return contextlib.nullcontext()
    import jax

    if not hasattr(jax, "enable_x64"):  # before JAX 0.8
        return jax.experimental.enable_x64()
    return jax.enable_x64(True)


def forward(model):
    """Return the model in inference mode as a function of numpy arrays."""

    def outputs(x):
        leaves = keras.tree.flatten(model(x, training=False))
        rows = ops.shape(leaves[0])[0]
        flat = [ops.reshape(leaf, (rows, -1)) for leaf in leaves]
        return ops.concatenate(flat, axis=1)

    run = compiled(FAST_MODE, outputs, model.variables)

    def on_arrays(x):
        x = keras.tree.map_structure(ops.convert_to_tensor, x)
        return ops.convert_to_numpy(run(x))

    return on_arrays


def dense_jacobian(function, x, step=1e-6):
    """Return the Jacobian of each row, `(batch, K, d)`.

    Args:
        function: from arrays `(batch, ...)` to an array `(batch, K)`.
        x: array or structure of arrays. Their entries in the order of
            `keras.tree.flatten` are the d inputs.
        step: of the central differences.
    """
    leaves = [np.asarray(leaf) for leaf in keras.tree.flatten(x)]
    batch = len(leaves[0])
    sizes = [leaf[0].size for leaf in leaves]
    flat = np.concatenate([leaf.reshape(batch, -1) for leaf in leaves], axis=1)
    d = sum(sizes)
    moves = step * np.concatenate([np.eye(d), -np.eye(d)])
    moved = (flat[:, None] + moves).reshape(batch * 2 * d, d)
    parts = np.split(moved, list(itertools.accumulate(sizes))[:-1], axis=1)
    moved = keras.tree.pack_sequence_as(
        x,
        [
            part.reshape(-1, *leaf.shape[1:]).astype(leaf.dtype)
            for part, leaf in zip(parts, leaves, strict=True)
        ],
    )
    ahead, behind = np.split(function(moved).reshape(batch, 2 * d, -1), 2, 1)
    return np.swapaxes(ahead - behind, 1, 2) / (2 * step)


def squared_norms(model, x, step=1e-6):
    """Return the squared Frobenius norm of each row's Jacobian."""
    jacobian = dense_jacobian(forward(model), x, step)
    return np.sum(jacobian**2, axis=(1, 2))


def directional_derivative(value, variables, directions, step):
    """Return the derivative of `value()` as variables move, by differences."""
    start = [ops.convert_to_numpy(variable) for variable in variables]
    ends = []
    for sign in (1, -1):
        for variable, at, direction in zip(
            variables, start, directions, strict=True
        ):
            variable.assign(at + sign * step * direction)
        ends.append(value())
    for variable, at in zip(variables, start, strict=True):
        variable.assign(at)
    return (ends[0] - ends[1]) / (2 * step)
