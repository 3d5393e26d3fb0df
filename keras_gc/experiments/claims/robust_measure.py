"""How little it takes to measure GC: few examples, outputs or inputs.

Reference: Munn, Dherin & Gonzalvo 2024 (arXiv 2405.15706), figure 2.
"""

import dataclasses
import functools
import math

import keras
import numpy as np
from keras import ops

from keras_gc import backend
from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.trend import Trend

THRESHOLDS = {
    "share": 0.3,  # of the examples, outputs or inputs
    "close": 0.1,  # relative error there, root mean square over draws
}
AXES = {"examples": 0, "outputs": 1, "inputs": 2}


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeasuringRecipe(Recipe):
    """A recipe, and how GC of the trained network is measured. Ours.

    Args:
        part: str, what only a share of is used, a key of `AXES`.
        share: float, the share.
        draws: int, how often a share is drawn.
    """

    part: str = "examples"
    share: float = 1.0
    draws: int = 200


def _recipe(scale: str, dataset: str) -> MeasuringRecipe:
    recipe = base_recipe(scale, dataset)
    return MeasuringRecipe(**dataclasses.asdict(recipe))


def _run(recipe: MeasuringRecipe, seed: int, dataset: str) -> dict:
    plain = dataclasses.replace(recipe, part="examples", share=1.0)
    values = _trained(plain, seed, dataset)[AXES[recipe.part]]
    return errors(values, recipe.share, recipe.draws, seed)


@functools.lru_cache(maxsize=3)  # one network for each seed
def _trained(recipe: MeasuringRecipe, seed: int, dataset: str) -> tuple:
    data = training.load(dataset, recipe)
    model, _ = training.train(recipe, seed, data)
    return marginals(model, data.x_test[: recipe.num_gc])


def marginals(model: keras.Model, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sum the squared entries of the Jacobian over all axes but one.

    Args:
        model: `keras.Model`, returns logits.
        x: array, the examples.

    Returns:
        Sums for each example, output and input; each array adds up to GC
        times the number of examples.
    """
    sums: list[list[np.ndarray]] = [[], [], []]
    for start in range(0, len(x), 100):
        logits, _, pullback = backend.vjp(
            lambda inputs: (model(inputs, training=False), None),
            ops.convert_to_tensor(x[start : start + 100]),
        )
        jacobian = np.stack([
            ops.convert_to_numpy(
                pullback(ops.one_hot([k] * len(logits), logits.shape[-1]))
            ).reshape(len(logits), -1)
            for k in range(logits.shape[-1])
        ])  # (outputs, examples, inputs)
        squares = jacobian.astype("float64") ** 2
        for axes, part in zip(((0, 2), (1, 2), (0, 1)), sums, strict=True):
            part.append(squares.sum(axes))
    examples, outputs, inputs = sums
    return np.concatenate(examples), sum(outputs), sum(inputs)


def errors(
    values: np.ndarray, share: float, draws: int, seed: int
) -> dict[str, float]:
    """Measure how far random parts of a sum, scaled up, are from all of it.

    Args:
        values: array, the terms of the sum.
        share: float, share of the terms that is drawn, without replacement.
        draws: int, how often.
        seed: int, seed of the draws.

    Returns:
        The root mean square of the relative error, and the same as the
        standard error of each draw tells it.
    """
    rng = np.random.default_rng(seed)
    size = max(1, round(share * len(values)))
    parts = np.stack([rng.permutation(values)[:size] for _ in range(draws)])
    relative = parts.mean(1) / values.mean() - 1
    told = math.nan
    if size > 1:
        left = 1 - size / len(values)  # what was not drawn
        told = np.sqrt(np.mean(parts.var(1, ddof=1) / size * left))
        told /= values.mean()
    return {
        "relative_error": float(np.sqrt(np.mean(relative**2))),
        "told_error": float(told),
    }


def _judge(rows: list[dict]) -> list[Finding]:
    findings = []
    for part in AXES:
        enough = [
            row["result"]["relative_error"]
            for row in rows
            if row["setting"]["series"] == part
            and row["setting"]["share"] >= THRESHOLDS["share"]
        ]
        if enough:
            findings.append(
                judge_condition(
                    f"{THRESHOLDS['share']:.0%} of the {part} give GC within "
                    f"{THRESHOLDS['close']:.0%}",
                    max(enough) <= THRESHOLDS["close"],
                    f"root mean square error at most {max(enough):.1%}",
                )
            )
    return findings


def _settings(scale: str) -> list[dict]:
    shares = {
        "examples": (0.02, 0.1, 0.3, 0.6),
        "outputs": (0.1, 0.3, 0.6),
        "inputs": (0.02, 0.1, 0.3, 0.6),
    }
    if scale == "smoke":
        shares = {part: values[1:2] for part, values in shares.items()}
    return [
        {"series": part, "part": part, "share": share}
        for part, values in shares.items()
        for share in values
    ]


EXPERIMENT = Experiment(
    name="robust_measure",
    claim=(
        "GC can be measured from few examples, few outputs and a masked "
        "Jacobian."
    ),
    settings={scale: _settings(scale) for scale in ("smoke", "small", "paper")},
    recipe=_recipe,
    run=_run,
    trends=tuple(
        Trend("share", "relative_error", -1, series=part) for part in AXES
    ),
    judge=_judge,
    thresholds=THRESHOLDS,
)
