"""Double descent: GC, test loss and Lipschitz bounds over the width.

Three recipes, each a series of its own: random ReLU features with a last layer
that solves least squares, one hidden layer trained on the squared loss, and
ResNet-18 of growing width. A fifth of the training labels is random in each.

References: Dherin et al. 2022 (arXiv 2209.13083), section 5; Khromov & Singh
2023 (arXiv 2302.10886) on the bounds; Gamba et al. 2023 (arXiv 2301.12309) on
ResNets.
"""

import dataclasses

import keras
import numpy as np

from keras_gc import datasets, theory
from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.measuring import ExactGC, measure
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.rows import by_setting, mean
from keras_gc.experiments.trend import Trend, judge_trend

THRESHOLDS = {"peak": 1.1}  # test loss there, over that before and after

FEATURES, HIDDEN, RESNET = "random features", "one hidden layer", "ResNet-18"
_LEAST_SQUARES = "least_squares"
_TRENDS = {
    series: Trend("test_loss", "gc", +1, series=series)
    for series in (FEATURES, HIDDEN, RESNET)
}


def _settings(series: str, widths: tuple, **fields: str) -> list[dict]:
    return [{"series": series, **fields, "width": width} for width in widths]


def _recipe(scale: str, dataset: str) -> Recipe:
    changes = {"wrong_labels": 0.2, "optimizer": "adam"}
    if scale == "paper":
        return base_recipe(scale, dataset, learning_rate=1e-4, **changes)
    # Squared loss, few examples, no weight decay and long training: all of
    # them let the peak at the width that begins to interpolate be seen.
    return base_recipe(
        scale,
        dataset,
        network="mlp",
        depth=1,
        loss="squared",
        learning_rate=2e-3,
        batch_size=100,
        num_train=300 if scale == "smoke" else 1000,
        num_gc=100,
        epochs=600,
        **changes,
    )


def _run(recipe: Recipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    fit = _solve if recipe.optimizer == _LEAST_SQUARES else training.train
    model, result = fit(recipe, seed, data)
    x = data.x_test[: recipe.num_gc_along]
    result |= {
        "test_error": 1 - result["test_accuracy"],
        "train_error": 1 - result["train_accuracy"],
        "lipschitz_lower": theory.lipschitz_lower_bound(model, x) ** 2,
    }
    if recipe.network != "resnet18":  # the upper bound is that of a chain
        result["lipschitz_upper"] = theory.spectral_bound(model)
    return result


def _solve(
    recipe: Recipe, seed: int, data: datasets.Dataset
) -> tuple[keras.Model, dict]:
    """Keep the first layer random, solve for the last one of least norm."""
    keras.utils.set_random_seed(seed)
    model = training.build(recipe, data.x_train.shape[1:], data.num_classes)
    hidden = keras.Model(model.inputs[0], model.get_layer("embedding").output)
    features = hidden.predict(data.x_train, verbose=0).astype("float64")
    labels = np.eye(data.num_classes)[data.y_train] - 1 / data.num_classes
    kernel = np.linalg.lstsq(features, labels, rcond=None)[0]
    model.layers[-1].set_weights([kernel, np.zeros(data.num_classes)])
    gc = ExactGC(model)
    return model, measure(model, data, recipe.num_gc, gc, recipe.loss)


def _judge(rows: list[dict]) -> list[Finding]:
    findings = []
    for series, trend in _TRENDS.items():
        runs = [row for row in rows if row["setting"]["series"] == series]
        if runs:
            findings += _of_series(trend, runs)
    return findings


def _of_series(trend: Trend, rows: list[dict]) -> list[Finding]:
    """Judge the shape of one series, and its trend after the first minimum."""
    losses = {
        setting["width"]: mean(runs, "test_loss")
        for setting, runs in by_setting(rows)
    }
    losses = {width: loss for width, loss in losses.items() if loss is not None}
    start = first_minimum(losses)
    after = {width: loss for width, loss in losses.items() if width >= start}
    peak = max(after, key=after.get, default=start)
    before, top, last = (
        losses.get(width, np.nan) for width in (start, peak, max(losses))
    )
    descends_twice = top >= THRESHOLDS["peak"] * max(before, last)
    right = judge_trend(
        trend, [row for row in rows if row["setting"]["width"] >= start]
    )
    return [
        judge_condition(
            f"the test loss descends twice ({trend.series})",
            bool(descends_twice),
            f"{before:.3g} at width {start}, {top:.3g} at width {peak}, "
            f"{last:.3g} at width {max(losses)}",
        ),
        dataclasses.replace(
            right, part=f"{right.part}, right of the first minimum"
        ),
    ]


def first_minimum(losses: dict[int, float]) -> int:
    """Return the width before which the test loss only fell.

    Args:
        losses: dict, from width to test loss.

    Returns:
        The smallest width whose loss is below that of the next one; the
        largest width if the loss falls all the way.
    """
    widths = sorted(losses)
    for width, wider in zip(widths, widths[1:], strict=False):
        if losses[width] < losses[wider]:
            return width
    return widths[-1]


EXPERIMENT = Experiment(
    name="double_descent",
    claim=(
        "As the width of a network grows, its test loss descends twice, and "
        "GC and the Lipschitz bounds follow it."
    ),
    settings={
        "smoke": _settings(
            FEATURES, (10, 100, 300, 1000), optimizer=_LEAST_SQUARES
        ),
        "small": [
            *_settings(
                FEATURES,
                (30, 100, 300, 600, 800, 1000, 1250, 1800, 3000, 6000),
                optimizer=_LEAST_SQUARES,
            ),
            *_settings(HIDDEN, (2, 8, 12, 16, 32, 128)),
        ],
        "paper": _settings(RESNET, (1, 2, 4, 8, 12, 16, 24, 32, 64)),
    },
    recipe=_recipe,
    run=_run,
    trends=(
        *_TRENDS.values(),
        *(
            Trend("test_loss", bound, +1, series=series)
            for series in (FEATURES, HIDDEN)
            for bound in ("lipschitz_lower", "lipschitz_upper")
        ),
    ),
    judge=_judge,
    thresholds=THRESHOLDS,
)
