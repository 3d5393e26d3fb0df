"""In one dimension GC is a matter of arc length.

The graph of f over an interval of length |I| has the length

    integral of sqrt(1 + f'(x)^2) dx <= |I| sqrt(1 + GC),

with GC the mean squared slope: a small GC is a short graph, and near a
straight line the two differ by little.

Reference: Dherin, Munn & Barrett 2021 (arXiv 2111.15090), section 3.
"""

import numpy as np

from keras_gc.experiments.claims.interpolation import GRID, Recipe, run
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.rank_correlation import rank_correlation
from keras_gc.experiments.trend import Trend

THRESHOLDS = {
    "follows": 0.95,  # least rank correlation of one run, along training
    "rounding": 1e-2,  # the bound is for slopes everywhere, not on a grid
}


def arc_length(function: list[float]) -> float:
    """Return the length of the graph of a function on the grid.

    Args:
        function: list of floats, its values at `interpolation.GRID`.

    Returns:
        The length of the polygon through them.
    """
    return float(np.hypot(np.diff(GRID), np.diff(function)).sum())


def _run(recipe: Recipe, seed: int, dataset: str) -> dict:
    result = run(recipe, seed, dataset)
    for point in result["curve"]:
        point["arc_length"] = arc_length(point["function"])
    return result | {"arc_length": result["curve"][-1]["arc_length"]}


def _judge(rows: list[dict]) -> list[Finding]:
    # The points of one run depend on each other: no p-value for them.
    curves = [
        [
            (point["gc"], point["arc_length"])
            for point in row["result"]["curve"]
            if point["gc"] is not None and point["arc_length"] is not None
        ]
        for row in rows
    ]
    least = min(rank_correlation(*zip(*curve, strict=True)) for curve in curves)
    interval = GRID[-1] - GRID[0]
    pairs = np.array([pair for curve in curves for pair in curve])
    bound = interval * np.sqrt(1 + pairs[:, 0])
    longer = int(np.sum(pairs[:, 1] > bound * (1 + THRESHOLDS["rounding"])))
    return [
        judge_condition(
            "GC follows the arc length along training",
            bool(least >= THRESHOLDS["follows"]),
            f"rank correlation of each of {len(rows)} runs at least "
            f"{least:.3f}",
        ),
        judge_condition(
            "the graph is never longer than |I| sqrt(1 + GC)",
            longer == 0,
            f"{longer} of {len(pairs)} are; it reaches "
            f"{np.max(pairs[:, 1] / bound):.1%} of the bound",
        ),
    ]


def _recipe(scale: str, dataset: str) -> Recipe:
    last = 200 if scale == "smoke" else 5000
    return Recipe(snapshots=(0, 10, 100, last))


EXPERIMENT = Experiment(
    name="arc_length",
    claim=(
        "In one-dimensional regression GC follows the arc length of the "
        "function along training, and larger learning rates give a lower GC."
    ),
    settings={
        scale: [{"learning_rate": rate} for rate in rates]
        for scale, rates in {
            "smoke": (0.02, 0.05),
            "small": (0.005, 0.01, 0.02, 0.05, 0.1),
            "paper": (0.005, 0.01, 0.02, 0.05, 0.1),
        }.items()
    },
    recipe=_recipe,
    run=_run,
    trends=(
        Trend("arc_length", "gc", +1),
        Trend("learning_rate", "gc", -1),
    ),
    judge=_judge,
    thresholds=THRESHOLDS,
    uses_data=False,
)
