"""SAM's gradient is the two-step formula, of one and the same function."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gc.heuristics import SAM
from tests.heuristics.steps import (
    MODES,
    LinearRegression,
    assert_close,
    classifier,
    data,
    gradients,
    set_weights,
    weights,
)


def two_steps(build, x, y, rho):
    """SAM's gradient from two plain steps: grad L(w + rho g / ||g||)."""
    model = first = build()
    start = weights(model)
    plain = gradients(model, x, y)
    norm = np.sqrt(sum(np.sum(g**2) for g in plain))
    model = build()
    moved = [w + rho * g / norm for w, g in zip(start, plain, strict=True)]
    set_weights(model, moved)
    return first, plain, gradients(model, x, y)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_quadratic_gets_its_closed_form(mode):
    problem = LinearRegression()
    plain = problem.gradient(problem.start)
    expected = problem.gradient(
        problem.start + 0.5 * plain / np.linalg.norm(plain)
    )
    logs, gradient = problem.step([SAM(0.5)], **mode)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        logs["loss"], problem.loss(problem.start), rtol=1e-5
    )


def noisy_network(heuristics=()):
    """Everything that a second evaluation could see differently."""
    hidden = [
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5, seed=3),
        keras.layers.ActivityRegularization(l2=0.1),
    ]
    keras.utils.set_random_seed(7)
    return classifier(
        heuristics, hidden, gc_weight=0.1, gc_estimator="hutchinson"
    )


def test_both_gradients_are_of_the_same_function():
    x, y = data()
    plain, plain_gradient, expected = two_steps(noisy_network, x, y, 0.5)
    model = noisy_network([SAM(0.5)])
    gradient = gradients(model, x, y)
    assert_close(gradient, expected, atol=1e-5)
    assert not np.allclose(gradient[0], plain_gradient[0], atol=1e-2)
    # BatchNormalization and seeds are updated once, and at the weights.
    states = [
        [ops.convert_to_numpy(v) for v in m.non_trainable_variables]
        for m in (model, plain)
    ]
    assert_close(*states, rtol=1e-6)
    assert not np.allclose(states[0][0], 0)  # the moving mean has moved


def tokens_network(heuristics=()):
    keras.utils.set_random_seed(7)
    return classifier(
        heuristics,
        first=[
            keras.layers.Embedding(4, 6),
            keras.layers.GlobalAveragePooling1D(),
        ],
        gc_metric=False,
    )


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="gradients by rows are TensorFlow's",
)
def test_gradients_of_repeated_tokens_are_summed_before_the_norm():
    x = np.array([[0, 0, 0, 1, 1], [0, 0, 2, 2, 2]])
    y = np.array([0, 1])
    *_, expected = two_steps(tokens_network, x, y, 2.0)
    assert_close(
        gradients(tokens_network([SAM(2.0)]), x, y), expected, atol=1e-6
    )


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_unused_weights_stay():
    class Unused(keras.layers.Layer):
        def build(self, input_shape):
            self.weight = self.add_weight(shape=(3,), initializer="ones")

        def call(self, x):
            return x

    model = classifier([SAM()], hidden=[Unused()])
    assert_close(gradients(model, *data())[2:3], [np.zeros(3)])


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_zero_gradient_moves_nothing():
    problem = LinearRegression()
    problem.y = np.zeros_like(problem.y)
    problem.start = np.zeros_like(problem.start)
    _, gradient = problem.step([SAM()])
    np.testing.assert_array_equal(gradient, 0)


def test_radius_zero_is_the_plain_gradient():
    x, y = data()
    assert_close(
        gradients(classifier([SAM(0)]), x, y),
        gradients(classifier(), x, y),
        atol=1e-7,
    )


def test_each_accumulated_batch_has_its_own_neighbour():
    problem = LinearRegression()
    expected = []
    for half in (slice(0, 6), slice(6, 12)):
        part = problem.part(half)
        g = part.gradient(part.start)
        neighbour = part.start + 0.5 * g / np.linalg.norm(g)
        expected.append(part.gradient(neighbour))
    optimizer = keras.optimizers.SGD(1.0, gradient_accumulation_steps=2)
    model = problem.model([SAM(0.5)], optimizer=optimizer)
    model.fit(problem.x, problem.y, batch_size=6, shuffle=False, verbose=0)
    moved = problem.start - weights(model)[0]
    np.testing.assert_allclose(moved, sum(expected) / 2, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rho", [-0.1, float("nan")])
def test_a_radius_out_of_range_is_refused(rho):
    with pytest.raises(ValueError, match="`rho` must be a finite number >= 0"):
        SAM(rho)
