"""The transfer theorem: GC is bounded by the gradient in the weights."""

import functools

import keras
import numpy as np

from keras_gc import theory
from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.recipe import Recipe, base_recipe

THRESHOLDS = {"rounding": 1e-4}  # by which the smaller side may exceed


def _mlp(depth: int) -> dict:
    return {"series": f"MLP, hidden layers: {depth}", "depth": depth}


_LENET = {"series": "LeNet", "network": "lenet", "width": 6, "depth": None}


def _observe(x: np.ndarray, model: keras.Model) -> dict:
    """Both sides of the inequality, and how many examples violate it."""
    bound = theory.transfer_bound(model, x)
    finite = np.isfinite(bound.jacobian_side + bound.parameter_side)
    jacobian = bound.jacobian_side[finite]
    parameter = bound.parameter_side[finite]
    violated = jacobian > parameter * (1 + THRESHOLDS["rounding"])
    ratio = jacobian[parameter > 0] / parameter[parameter > 0]
    return {
        "jacobian_side": float(bound.jacobian_side.mean()),
        "parameter_side": float(bound.parameter_side.mean()),
        "tightest": float(ratio.max(initial=0.0)),
        "violations": int(violated.sum()),
        "examples": len(violated),
        "not_finite": int((~finite).sum()),
    }


def _recipe(scale: str, dataset: str) -> Recipe:
    # A theorem about each layer that all paths lead through: no ResNet. Both
    # sides take seconds to minutes, so the curve has few points.
    if scale == "smoke":
        return base_recipe(
            scale, dataset, network="mlp", num_gc_along=50, curve_growth=4.0
        )
    return base_recipe(
        scale, dataset, network="mlp", num_gc_along=1000, curve_growth=8.0
    )


def _run(recipe: Recipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    observe = functools.partial(_observe, data.x_test[: recipe.num_gc_along])
    return training.train(recipe, seed, data, observe)[1]


def _judge(rows: list[dict]) -> list[Finding]:
    points = [point for row in rows for point in row["result"]["curve"]]
    violations, examples, not_finite = (
        sum(point[name] for point in points)
        for name in ("violations", "examples", "not_finite")
    )
    tightest = max(point["tightest"] for point in points)
    evidence = (
        f"{violations} violations in {examples} checks; the smaller side "
        f"reaches {tightest:.0%} of the larger one"
    )
    if not_finite:
        evidence += f"; {not_finite} more were not finite (training diverged)"
    holds = violations == 0
    return [
        judge_condition(
            "the inequality holds for each example along training",
            None if holds and not_finite else holds,
            evidence,
        )
    ]


EXPERIMENT = Experiment(
    name="transfer_theorem",
    claim=(
        "At each example and all along training, the squared norm of the "
        "input Jacobian times the transfer factor is at most the squared norm "
        "of the gradient in the weights."
    ),
    settings={
        "smoke": [_mlp(2)],
        "small": [_mlp(1), _mlp(3), _LENET],
        "paper": [_mlp(2), _mlp(4), _mlp(8), _LENET],
    },
    recipe=_recipe,
    run=_run,
    judge=_judge,
    thresholds=THRESHOLDS,
)
