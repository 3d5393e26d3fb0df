"""What JAX's forward mode refuses, and what it must not."""

import numpy as np
import pytest

from keras_gc import estimators
from tests.modes import BACKEND

if BACKEND != "jax":
    pytest.skip("JAX's custom derivatives", allow_module_level=True)

import jax

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
MATRIX = np.random.default_rng(1).normal(size=(3, 2)).astype("float32")


@jax.jit
def custom_linear(x):
    return x @ MATRIX


@jax.custom_vjp
def reverse_only(x):
    return jax.numpy.sin(x)


reverse_only.defvjp(
    lambda x: (reverse_only(x), x), lambda x, g: (g * jax.numpy.cos(x),)
)

NESTED = {
    "bare": reverse_only,
    "jit": jax.jit(reverse_only),
    "cond": lambda x: jax.lax.cond(x.sum() > 0, reverse_only, lambda x: x, x),
    "scan": lambda x: jax.lax.scan(
        lambda x, _: (reverse_only(x), None), x, None, length=2
    )[0],
    "checkpoint": jax.checkpoint(lambda x: reverse_only(x) * 2),
}


def test_a_function_may_have_any_name():
    _, values = estimators.ExactForward()(custom_linear, X)
    np.testing.assert_allclose(values, np.sum(MATRIX**2), rtol=1e-6)


def test_an_input_without_a_path_raises_beside_a_custom_vjp():
    x = {"used": X, "unused": X}
    with pytest.raises(ValueError, match="depend differentiably"):
        estimators.ExactReverse()(lambda x: reverse_only(x["used"]), x)


@pytest.mark.parametrize("where", NESTED)
def test_a_custom_vjp_is_found_wherever_it_is(where):
    with pytest.raises(ValueError, match="forward-mode derivatives"):
        estimators.ExactForward()(NESTED[where], X)
    _, values = estimators.ExactReverse()(NESTED[where], X)
    assert values.shape == (4,)
