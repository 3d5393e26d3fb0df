"""Whether the error bars of GC hold the true value as often as they promise.

Measuring stops once the standard error is below `rtol` times the value. Where
a few examples decide the mean, samples that happen to look calm stop early,
and the interval of two standard errors misses the true value too often.
"""

import dataclasses
import functools
import math
import warnings
from collections.abc import Callable

import keras
import numpy as np

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.measure import geometric_complexity

THRESHOLDS = {
    "promised": 0.95,  # of the intervals hold the true value,
    "deviations": 3,  # up to this many standard deviations of that count
}
Z = 1.96
NETWORK, HEAVY = "network", "heavy tails"


@dataclasses.dataclass(frozen=True, kw_only=True)
class IntervalRecipe(Recipe):
    """A recipe, and how GC of the trained network is measured. Ours.

    Args:
        model: str, "network" (trained by the recipe) or "heavy tails".
        rtol: float, relative standard error at which measuring stops.
        intervals: int, how often measuring is repeated.
        pool: int, heavy-tailed examples to draw from.
    """

    model: str = NETWORK
    rtol: float | None = None
    intervals: int = 40
    pool: int = 20_000


def _recipe(scale: str, dataset: str) -> IntervalRecipe:
    recipe = base_recipe(scale, dataset)
    few = {"intervals": 3, "pool": 2000} if scale == "smoke" else {}
    return IntervalRecipe(**dataclasses.asdict(recipe) | few)


def _run(recipe: IntervalRecipe, seed: int, dataset: str) -> dict:
    if recipe.model == HEAVY:
        return _heavy_tails(recipe, seed)
    model, x, truth = _trained(
        dataclasses.replace(recipe, rtol=None), seed, dataset
    )
    measure = functools.partial(geometric_complexity, model, x)
    first = recipe.intervals * seed
    estimates = [
        _with_warning(measure, rtol=recipe.rtol, seed=first + i)
        for i in range(recipe.intervals)
    ]
    return coverage(estimates, truth)


@functools.lru_cache(maxsize=3)  # one network for each seed
def _trained(recipe: IntervalRecipe, seed: int, dataset: str) -> tuple:
    data = training.load(dataset, recipe)
    model, _ = training.train(recipe, seed, data)
    # Each interval comes from some of these examples and is about them all.
    return model, data.x_test, float(geometric_complexity(model, data.x_test))


def _heavy_tails(recipe: IntervalRecipe, seed: int) -> dict:
    """f(x) = exp(x), x ~ N(0, 1): log J^2 has a standard deviation of 2."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Activation("exponential")(inputs))
    rng = np.random.default_rng(seed)
    estimates = [
        _with_warning(
            geometric_complexity,
            model,
            rng.normal(size=(recipe.pool, 1)).astype("float32"),
            rtol=recipe.rtol,
            batch_size=256,
            seed=i,
        )
        for i in range(recipe.intervals)
    ]
    return coverage(estimates, math.e**2)


def _with_warning(measure: Callable, *args: object, **kwargs: object) -> tuple:
    """Return an estimate, and whether it came with a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimate = measure(*args, **kwargs)
    return estimate, bool(caught)


def coverage(estimates: list[tuple], truth: float) -> dict:
    """Count the intervals of two standard errors that hold the true value.

    Args:
        estimates: list of pairs of a `GCEstimate` and whether it came with a
            warning; those that did promise nothing.
        truth: float, the true value.

    Returns:
        A dict with the share that holds it, how many were counted, how many
        came with a warning, and the mean number of examples.
    """
    promised = [estimate for estimate, warned in estimates if not warned]
    held = [
        abs(estimate.value - truth) <= Z * estimate.standard_error
        for estimate in promised
    ]
    return {
        "coverage": float(np.mean(held)) if held else None,
        "promised": len(promised),
        "warned": len(estimates) - len(promised),
        "num_examples": float(np.mean([e.num_examples for e, _ in estimates])),
    }


def _judge(rows: list[dict]) -> list[Finding]:
    return [
        finding
        for model in (NETWORK, HEAVY)
        for finding in _intervals(
            model, [row for row in rows if row["setting"]["model"] == model]
        )
    ]


def _intervals(series: str, rows: list[dict]) -> list[Finding]:
    by_rtol: dict[float, list[dict]] = {}
    for row in rows:
        by_rtol.setdefault(row["setting"]["rtol"], []).append(row["result"])
    findings = []
    for rtol, results in by_rtol.items():
        counted = sum(result["promised"] for result in results)
        held = sum(r["promised"] * (r["coverage"] or 0) for r in results)
        p = THRESHOLDS["promised"]
        slack = THRESHOLDS["deviations"] * math.sqrt(
            p * (1 - p) / max(counted, 1)
        )
        share = held / max(counted, 1)
        warned = sum(result["warned"] for result in results)
        findings.append(
            judge_condition(
                f"95% of the intervals hold ({series}, rtol={rtol:g})",
                share >= p - slack if counted else None,
                f"{share:.1%} of {counted} do; {warned} more came with a "
                "warning",
            )
        )
    return findings


def _settings(rtols: dict[str, tuple]) -> list[dict]:
    return [
        {"series": model, "model": model, "rtol": rtol}
        for model, values in rtols.items()
        for rtol in values
    ]


EXPERIMENT = Experiment(
    name="error_bars",
    claim=(
        "The standard error of a measured GC means what it says, also where "
        "measuring stops early and where few examples decide."
    ),
    settings={
        "smoke": _settings({NETWORK: (0.1,), HEAVY: (0.2,)}),
        "small": _settings({NETWORK: (0.02, 0.03), HEAVY: (0.1, 0.2)}),
        "paper": _settings({NETWORK: (0.02, 0.03), HEAVY: (0.1, 0.2)}),
    },
    recipe=_recipe,
    run=_run,
    judge=_judge,
    thresholds=THRESHOLDS,
)
