"""The gradient of a pullback on JAX: in forward mode where there is one."""

import keras
import numpy as np
import pytest

from keras_gc import backend
from tests.modes import BACKEND
from tests.oracles import double_precision

if BACKEND != "jax":
    pytest.skip("JAX's pullback", allow_module_level=True)

import jax

X = np.random.default_rng(0).normal(size=(4, 3))
W = np.random.default_rng(1).normal(size=(3, 3))


def penalties(function, weights, pullback_of):
    """||J^T v||^2 of each row, with v = 1."""
    outputs, pullback = pullback_of(lambda x: function(x @ weights))
    return (pullback(jax.numpy.ones_like(outputs)) ** 2).sum(axis=1)


def ours(fn):
    outputs, _, pullback = backend.vjp(lambda x: (fn(x), None), X)
    return outputs, pullback


def theirs(fn):
    outputs, transpose = jax.vjp(fn, jax.numpy.asarray(X))
    return outputs, lambda cotangent: transpose(cotangent)[0]


@jax.custom_vjp
def reverse_only(x):
    return jax.numpy.tanh(x)


reverse_only.defvjp(
    lambda x: (jax.numpy.tanh(x), x),
    lambda x, g: (g * (1 - jax.numpy.tanh(x) ** 2),),
)


@pytest.mark.parametrize("function", [jax.numpy.tanh, reverse_only])
@pytest.mark.parametrize("order", [0, 1, 2])
@double_precision()
def test_derivatives_of_any_order_are_those_of_jax(order, function):
    def derivative(pullback_of):
        def objective(weights):
            return penalties(function, weights, pullback_of).sum()

        for _ in range(order):
            objective = squared_gradient(objective)
        return jax.jit(jax.grad(objective))(jax.numpy.asarray(W))

    def squared_gradient(objective):
        return lambda weights: (jax.grad(objective)(weights) ** 2).sum()

    np.testing.assert_allclose(derivative(ours), derivative(theirs), 1e-9)


@double_precision()
def test_the_cotangent_may_depend_on_the_weights():
    def loss(weights, pullback_of):
        outputs, pullback = pullback_of(lambda x: jax.numpy.tanh(x @ weights))
        return (pullback(outputs**2) ** 3).sum()

    mine, expected = (
        jax.grad(loss)(jax.numpy.asarray(W), how) for how in (ours, theirs)
    )
    np.testing.assert_allclose(mine, expected, 1e-9)


def convolutions(fn, argument):
    """Return the dimension numbers of all convolutions in a function."""

    def walk(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "conv_general_dilated":
                yield equation.params["dimension_numbers"]
            for value in jax.tree.leaves(
                list(equation.params.values()),
                is_leaf=lambda leaf: hasattr(leaf, "eqns"),
            ):
                if hasattr(value, "eqns"):
                    yield from walk(getattr(value, "jaxpr", value))

    return list(walk(jax.make_jaxpr(fn)(argument).jaxpr))


def test_a_penalty_takes_no_convolution_that_a_train_step_does_not():
    # XLA on CPU is several times slower on those of a transposed transpose.
    model = keras.Sequential([
        keras.Input((8, 8, 2)),
        keras.layers.Conv2D(3, 3, strides=2, activation="tanh"),
        keras.layers.Conv2D(4, 3, strides=2),
        keras.layers.Flatten(),
    ])
    x = jax.numpy.ones((2, 8, 8, 2))
    weights = [v.value for v in model.trainable_variables]

    def logits(weights, x):
        return model.stateless_call(weights, [], x)[0]

    def penalty(weights):
        outputs, _, pullback = backend.vjp(
            lambda x: (logits(weights, x), None), x
        )
        return (pullback(jax.numpy.ones_like(outputs)) ** 2).sum()

    plain = convolutions(
        jax.grad(lambda both: (logits(*both) ** 2).sum()), (weights, x)
    )
    ours = convolutions(jax.grad(penalty), weights)
    assert set(ours) <= set(plain)
    # Forward, J^T v and J u, each of two layers; then the weights' gradient
    # at both inputs of a layer, and back through the second layer.
    assert len(ours) <= 14
