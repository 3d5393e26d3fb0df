"""GradientPenalty adds ||grad L||^2 to the loss."""

import keras
import numpy as np
import pytest

import keras_gc
from keras_gc.heuristics import GradientPenalty
from tests.heuristics.steps import (
    MODES,
    LinearRegression,
    assert_close,
    classifier,
    data,
    gradients,
    weights,
)

WAYS = ["forward_difference", "exact"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_quadratic_gets_its_closed_form(mode, way):
    # Its Hessian is constant: the difference is exact, but for rounding.
    problem = LinearRegression()
    g = problem.gradient(problem.start)
    logs, gradient = problem.step([GradientPenalty(0.3, way)], **mode)
    expected = g + 2 * 0.3 * problem.hessian @ g
    atol = 1e-5 if way == "exact" else 1e-3 * np.abs(expected).max()
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=atol)
    np.testing.assert_allclose(
        logs["loss"],
        problem.loss(problem.start) + 0.3 * np.sum(g**2),
        rtol=1e-5,
    )


def penalised_loss(values, x, y, weight):
    """L + weight ||grad L||^2 of the tanh classifier, in float64."""
    first, b1, last, b2 = values
    h = np.tanh(x @ first + b1)
    logits = h @ last + b2
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[np.arange(len(y)), y]))
    d_logits = (p - np.eye(p.shape[1])[y]) / len(y)
    d_hidden = d_logits @ last.T * (1 - h**2)
    grad = (
        x.T @ d_hidden, d_hidden.sum(axis=0), h.T @ d_logits,
        d_logits.sum(axis=0),
    )  # fmt: skip
    return loss + weight * sum(np.sum(g**2) for g in grad)


def test_a_network_gets_the_finite_difference_gradient():
    x, y = data()
    model = classifier([GradientPenalty(0.5, "exact")])
    start = weights(model)
    expected = []
    for index, value in enumerate(start):
        gradient = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            sides = []
            for step in (1e-5, -1e-5):
                moved = [w.copy() for w in start]
                moved[index][place] += step
                sides.append(penalised_loss(moved, x, y, 0.5))
            gradient[place] = (sides[0] - sides[1]) / 2e-5
        expected.append(gradient)
    assert_close(gradients(model, x, y), expected, atol=2e-6)


def test_the_difference_is_near_the_exact_gradient():
    def penalty(way):
        with_penalty = classifier([GradientPenalty(0.5, way)])
        pairs = zip(
            gradients(with_penalty, *data()),
            gradients(classifier(), *data()),
            strict=True,
        )
        return [penalised - plain for penalised, plain in pairs]

    exact, difference = penalty("exact"), penalty("forward_difference")
    errors = [a - b for a, b in zip(exact, difference, strict=True)]
    assert 0 < norm(errors) < 0.01 * norm(exact)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_zero_gradient_is_no_nan(way):
    problem = LinearRegression()
    problem.y = np.zeros_like(problem.y)
    problem.start = np.zeros_like(problem.start)
    logs, gradient = problem.step([GradientPenalty(1.0, way)])
    np.testing.assert_array_equal(gradient, 0)
    assert logs["loss"] == 0


@pytest.mark.parametrize("way", WAYS)
def test_weight_zero_is_the_plain_gradient(way):
    x, y = data()
    assert_close(
        gradients(classifier([GradientPenalty(0, way)]), x, y),
        gradients(classifier(), x, y),
        atol=1e-7,
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_loss_scale_does_not_change_the_penalty(way):
    problem = LinearRegression()
    _, plain = problem.step([GradientPenalty(0.3, way)])
    logs, scaled = problem.step(
        [GradientPenalty(0.3, way)],
        optimizer=keras.optimizers.SGD(1.0, loss_scale_factor=1024.0),
    )
    np.testing.assert_allclose(scaled, plain, rtol=1e-5)
    g = problem.gradient(problem.start)
    np.testing.assert_allclose(
        logs["loss"],
        problem.loss(problem.start) + 0.3 * np.sum(g**2),
        rtol=1e-5,
    )


def images_network(layer, heuristics=()):
    """A layer between two convolutions of 3x3 images with 2 channels."""
    keras.utils.set_random_seed(7)
    inputs = keras.Input((3, 3, 2))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="tanh")(inputs)
    x = keras.layers.Conv2D(2, 2, activation="tanh")(layer(x))
    outputs = keras.layers.Dense(1)(keras.layers.Flatten()(x))
    model = keras_gc.GCModel(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(1.0), "mse", heuristics=heuristics,
        gc_metric=False,
    )  # fmt: skip
    return model


def images():
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 3, 3, 2)), rng.normal(size=(8, 1))


def normalised(x):
    x = keras.layers.GroupNormalization(2)(x)
    return keras.layers.BatchNormalization()(x)


def attended(x):
    x = keras.layers.Reshape((9, 4))(x)
    x = keras.layers.MultiHeadAttention(2, 3)(x, x)
    return keras.layers.Reshape((3, 3, 4))(x)


# TensorFlow takes the mean for constant in the variance, which is wrong in
# second derivatives; torch's fused attention kernels have none.
@pytest.mark.parametrize("layer", [normalised, attended])
def test_layers_are_differentiated_twice_and_rightly(layer):
    plain = gradients(images_network(layer), *images())
    # H g by a central difference of plain gradients along g.
    sides = []
    for sign in (1, -1):
        model = images_network(layer)
        for variable, g in zip(model.trainable_variables, plain, strict=True):
            variable.assign_add(sign * 3e-3 * g)
        sides.append(gradients(model, *images()))
    product = [(a - b) / 6e-3 for a, b in zip(*sides, strict=True)]
    penalised = gradients(
        images_network(layer, [GradientPenalty(0.5, "exact")]), *images()
    )
    errors = [
        p - g - h for p, g, h in zip(penalised, plain, product, strict=True)
    ]
    assert norm(errors) < 0.02 * norm(product)


def norm(arrays):
    return np.sqrt(sum(np.sum(a**2) for a in arrays))


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="the others differentiate it twice",
)
def test_an_operation_whose_second_derivative_is_missing_is_refused():
    # TensorFlow itself would take it for 0, in silence.
    upsampling = keras.layers.UpSampling2D(interpolation="bilinear")
    model = images_network(upsampling, [GradientPenalty(0.5, "exact")])
    with pytest.raises(ValueError, match="GradientPenalty.*second derivatives"):
        model.train_on_batch(*images())


def test_a_difference_needs_no_second_derivative():
    def step(way):
        layer = keras.layers.UpSampling2D(interpolation="bilinear")
        return gradients(images_network(layer, way), *images())

    plain, penalised = step([]), step([GradientPenalty(0.5)])
    change = [a - b for a, b in zip(plain, penalised, strict=True)]
    assert norm(change) > 0.01 * norm(plain)


def test_dropout_draws_the_same_masks_for_both_gradients():
    def model(heuristics):
        return classifier(
            heuristics, hidden=[keras.layers.Dropout(0.5, seed=3)]
        )

    # Other masks would change the gradient at once, by 1e3 times the step.
    penalty = [GradientPenalty(1e-3)]
    plain = gradients(model([]), *data())
    penalised = gradients(model(penalty), *data())
    change = [a - b for a, b in zip(plain, penalised, strict=True)]
    assert 0 < norm(change) < 0.05 * norm(plain)


@pytest.mark.parametrize("weight", [-1, float("inf")])
def test_a_weight_out_of_range_is_refused(weight):
    with pytest.raises(ValueError, match="`weight` must be a finite number >="):
        GradientPenalty(weight)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="`mode` must be one of .*exact"):
        GradientPenalty(0.1, mode="backward")
