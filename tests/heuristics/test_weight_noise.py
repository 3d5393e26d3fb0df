"""WeightNoise: the gradient at noisy weights, applied to the clean ones."""

import keras
import numpy as np
import pytest

import keras_gc
from keras_gc.heuristics import WeightNoise
from tests.heuristics.steps import (
    MODES,
    LinearRegression,
    assert_close,
    assert_normal,
    classifier,
    data,
    gradients,
)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_the_gradient_is_that_at_gaussian_weights(mode):
    # L = ||w||^2 / 2: its gradient at w + n is w + n.
    size = 4000
    model = keras_gc.GCSequential([
        keras.Input((1,)),
        keras.layers.Dense(
            size,
            use_bias=False,
            kernel_regularizer=keras.regularizers.L2(0.5),
        ),
    ])  # fmt: skip
    model.compile(
        keras.optimizers.SGD(1.0), "mse", gc_metric=False,
        heuristics=[WeightNoise(0.1)], **mode,
    )  # fmt: skip
    model.set_weights([np.full((1, size), 3.0)])
    steps = []
    for _ in range(2):
        model.set_weights([np.full((1, size), 3.0)])
        steps += gradients(model, np.zeros((2, 1)), np.zeros((2, size)))
    for step in steps:
        assert_normal((step.ravel() - 3) / 0.1)
    assert (steps[0] != steps[1]).all()


def test_the_gradient_is_a_quadratics_at_noisy_weights():
    problem = LinearRegression()
    logs, gradient = problem.step([WeightNoise(0.5)])
    noisy = np.linalg.solve(
        problem.hessian,
        gradient - problem.gradient(np.zeros_like(problem.start)),
    )
    assert np.abs(noisy - problem.start).max() > 0.05
    np.testing.assert_allclose(logs["loss"], problem.loss(noisy), rtol=1e-4)
    np.testing.assert_allclose(logs["gc"], np.sum(noisy**2), rtol=1e-4)


def test_deviation_zero_is_the_plain_gradient():
    x, y = data()
    assert_close(
        gradients(classifier([WeightNoise(0)]), x, y),
        gradients(classifier(), x, y),
        atol=1e-7,
    )


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`stddev` must be a finite number >="):
        WeightNoise(-1.0)
    with pytest.raises(TypeError, match="`seed` must be an int or None"):
        WeightNoise(1.0, seed="0")
