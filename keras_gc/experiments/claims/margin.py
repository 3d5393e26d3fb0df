"""GC over the squared margin: level along training, and excess risk.

Reference: Munn, Dherin & Gonzalvo 2023 (arXiv 2405.18590).
"""

import math

import keras
import numpy as np

from keras_gc.experiments import training
from keras_gc.experiments.complexity import complexity_measures
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.measuring import ExactGC
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.trend import Trend
from keras_gc.theory.margin import margin_normalized_gc

THRESHOLDS = {
    # A run is followed from where its loss has fallen to this share of the
    # first one: before, half of the margins are negative.
    "learned": 0.5,
    # How much GC / margin^2 may change from there on, as a share of the change
    # of GC, both as logarithms.
    "level": 0.5,
    "grows": 1.5,  # by which factor GC must grow, to tell
}


class _Along:
    """Measures GC and GC over the squared margin, on training examples."""

    def __init__(self, x: np.ndarray, y: np.ndarray):
        self._x, self._y = x, y
        self._gc: ExactGC | None = None

    def __call__(self, model: keras.Model) -> dict:
        self._gc = self._gc or ExactGC(model)  # traced once
        gc = self._gc(self._x)
        logits = keras.ops.convert_to_numpy(model(self._x, training=False))
        margin = float(np.median(margins(logits, self._y)))
        quotient = gc / margin**2 if margin > 0 else math.inf
        return {"gc_train": gc, "margin_gc": quotient}


def margins(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the label's logit minus the largest other one.

    Args:
        logits: array of shape `(examples, classes)`.
        y: array of integer labels.

    Returns:
        An array of shape `(examples,)`, positive where the label is found.
    """
    label = np.arange(logits.shape[1]) == y[:, None]
    return logits[label] - np.where(label, -np.inf, logits).max(-1)


def _run(recipe: Recipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    num = recipe.num_gc_along
    observe = _Along(data.x_train[:num], data.y_train[:num])
    model, result = training.train(recipe, seed, data, observe)
    result["excess_risk"] = result["train_accuracy"] - result["test_accuracy"]
    if recipe.network != "resnet18":  # the others are a chain
        return result | complexity_measures(model, data, recipe.num_gc)
    x, y = data.x_train[: recipe.num_gc], data.y_train[: recipe.num_gc]
    return result | {"margin_gc": margin_normalized_gc(model, x, y)}


def _recipe(scale: str, dataset: str) -> Recipe:
    # Few examples, so that a network can memorise random labels in minutes.
    if scale == "paper":
        return base_recipe(scale, dataset, stop_at_loss=0.05)
    num_train = {"smoke": 200, "small": 1000}[scale]
    return base_recipe(
        scale,
        dataset,
        num_train=num_train,
        optimizer="adam",
        learning_rate=1e-3,
        epochs=400,
        stop_at_loss=0.02,
    )


def growth(curve: list[dict]) -> tuple[float, float] | None:
    """Return by how much GC, and GC over squared margin, grow in one run.

    Args:
        curve: list of dicts, the points recorded along training.

    Returns:
        Logarithms of both factors, from where the run has begun to learn to
        its end; `None` if it never does.
    """
    learned = [
        point
        for point in curve
        if point["loss"] is not None
        and point["loss"] <= THRESHOLDS["learned"] * curve[0]["loss"]
        and point["margin_gc"] is not None
    ]
    if len(learned) < 2:
        return None
    first, last = learned[0], learned[-1]
    return (
        math.log(last["gc_train"] / first["gc_train"]),
        math.log(last["margin_gc"] / first["margin_gc"]),
    )


def _judge(rows: list[dict]) -> list[Finding]:
    findings = []
    for label, share in (("true labels", 0.0), ("random labels", 1.0)):
        runs = [row for row in rows if row["setting"]["wrong_labels"] == share]
        growths = [growth(row["result"]["curve"]) for row in runs]
        if known := [pair for pair in growths if pair]:
            findings.append(_level(label, *np.mean(known, axis=0)))
    # Where GC / margin^2 is infinite, no rank can hold it.
    wrong = sum(row["result"]["margin_gc"] is None for row in rows)
    if wrong:
        findings.append(
            judge_condition(
                "training examples are told apart",
                None,
                f"{wrong} of {len(rows)} runs have no positive median margin",
            )
        )
    return findings


def _level(label: str, gc: float, quotient: float) -> Finding:
    can_tell = gc >= math.log(THRESHOLDS["grows"])
    is_level = abs(quotient) <= THRESHOLDS["level"] * gc
    return judge_condition(
        f"GC / margin² is level along training while GC grows ({label})",
        is_level if can_tell else None,
        f"GC times {math.exp(gc):.3g}, GC / margin² times "
        f"{math.exp(quotient):.3g}, from half of the first loss on",
    )


EXPERIMENT = Experiment(
    name="margin",
    claim=(
        "GC over the squared margin is level along training while GC grows, "
        "and it grows with the excess risk, from true to random labels."
    ),
    settings={
        scale: [{"wrong_labels": share} for share in shares]
        for scale, shares in {
            "smoke": (0.0, 0.5, 1.0),
            "small": (0.0, 0.25, 0.5, 0.75, 1.0),
            "paper": (0.0, 0.5, 1.0),
        }.items()
    },
    recipe=_recipe,
    run=_run,
    trends=(Trend("excess_risk", "margin_gc", +1),),
    judge=_judge,
    thresholds=THRESHOLDS,
)
