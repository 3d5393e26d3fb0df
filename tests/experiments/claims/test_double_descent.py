import keras
import numpy as np
import pytest

from keras_gc import datasets, experiments
from keras_gc.experiments.claims.double_descent import (
    FEATURES,
    _run,
    _solve,
    first_minimum,
)
from keras_gc.experiments.finding import NOT_REPRODUCED, REPRODUCED


@pytest.mark.parametrize(
    "losses, width",
    [
        ([3.0, 1.0, 2.0, 0.5], 2),
        ([3.0, 2.0, 1.0, 0.5], 8),
        ([1.0, 2.0, 0.5, 0.5], 1),
    ],
    ids=["inside", "falls all the way", "rises at once"],
)
def test_the_first_minimum_is_before_the_first_rise(losses, width):
    assert first_minimum(dict(zip((1, 2, 4, 8), losses, strict=True))) == width


def rows(losses, gc=lambda loss: loss):
    return [
        {
            "setting": {"series": FEATURES, "width": 2**place},
            "seed": seed,
            "result": {"test_loss": loss, "gc": gc(loss)},
        }
        for place, loss in enumerate(losses)
        for seed in range(3)
    ]


@pytest.mark.parametrize(
    "losses, outcome",
    [
        ((3.0, 1.0, 4.0, 2.0, 0.5), REPRODUCED),
        ((3.0, 2.0, 1.0, 0.7, 0.5), NOT_REPRODUCED),
        ((3.0, 1.0, 2.0, 3.0, 4.0), NOT_REPRODUCED),
        ((3.0, 1.0, 1.05, 0.7, 0.5), NOT_REPRODUCED),
    ],
    ids=["twice", "once", "rises to the end", "hardly a peak"],
)
def test_a_second_descent_has_a_peak_before_it(losses, outcome):
    shape, _ = experiments.get("double_descent").judge(rows(losses))
    assert shape.outcome == outcome


def test_right_of_the_first_minimum_only_the_wider_ones_count():
    """GC falls with the loss before the minimum and rises with it after."""
    losses = (3.0, 1.0, 4.0, 2.0, 0.5)
    runs = rows(losses, gc=lambda loss: 0.1 if loss == 3.0 else loss)
    _, right = experiments.get("double_descent").judge(runs)
    assert right.num_runs == 12 and right.rho == pytest.approx(1)
    assert right.part.endswith("right of the first minimum")


def test_random_features_fit_all_labels_once_they_are_as_many():
    recipe = experiments.get("double_descent").recipe("smoke", "digits")
    data = datasets.load("digits", max_train=50, max_test=20)
    fitted = {}
    for width in (10, 400):
        keras.utils.set_random_seed(0)
        wide = recipe.__class__(**vars(recipe) | {"width": width})
        model, result = _solve(wide, 0, data)
        fitted[width] = result["train_loss"]
        kernel = model.layers[-1].get_weights()[0]
        assert kernel.shape == (width, 10)
    assert fitted[400] < 1e-8 < 1e-3 < fitted[10]
    # Of all exact fits the one of least norm lies in the features' span.
    hidden = keras.Model(model.inputs[0], model.get_layer("embedding").output)
    features = hidden.predict(data.x_train, verbose=0)
    inside = np.linalg.pinv(features) @ features @ kernel
    np.testing.assert_allclose(inside, kernel, atol=1e-3)


def test_the_bounds_enclose_what_is_measured():
    experiment = experiments.get("double_descent")
    recipe = experiment.recipe("smoke", "digits")
    recipe = recipe.__class__(
        **vars(recipe) | {"width": 30, "optimizer": "least_squares"}
    )
    result = _run(recipe, 0, "digits")
    assert result["lipschitz_lower"] >= result["gc"] / 10
    assert result["lipschitz_upper"] >= result["lipschitz_lower"]
