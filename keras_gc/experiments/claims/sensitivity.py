"""Sensitivity and generalisation: the norm at a test point, and training.

Reference: Novak et al. 2018 (arXiv 1802.08760). They take the Jacobian of the
softmax where they predict single test points; both are measured here.
"""

import keras
import numpy as np

from keras_gc.experiments import training
from keras_gc.experiments.auroc import auroc
from keras_gc.experiments.complexity import complexity_measures
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.trend import Trend
from keras_gc.measure import jacobian_norms

THRESHOLDS = {"auroc": 0.6}  # from here on a norm predicts, in each run
PLAIN = "plain"
KINDS = {
    "softmax_auroc": "the norm of the softmax's Jacobian",
    "logit_auroc": "the norm of the logits' Jacobian",
}


def _recipe(scale: str, dataset: str) -> Recipe:
    if scale == "paper":
        return base_recipe(scale, dataset)
    # Few examples, so that a batch can hold them all and random labels are
    # memorised; one training loss for all, for what has learned little has a
    # low GC for that alone.
    return base_recipe(
        scale,
        dataset,
        num_train=200 if scale == "smoke" else 1000,
        epochs=300 if scale == "smoke" else 1500,
        stop_at_loss=0.05,
    )


def _run(recipe: Recipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    model, result = training.train(recipe, seed, data)
    logits = model.predict(data.x_test, batch_size=500, verbose=0)
    is_wrong = logits.argmax(-1) != data.y_test
    softmax = keras.layers.Softmax(name="softmax")
    whole = keras.Model(model.inputs[0], softmax(model.outputs[0]))
    result |= {
        "logit_auroc": auroc(_norms(model, data.x_test), is_wrong),
        "softmax_auroc": auroc(
            _norms(whole, data.x_test, outputs="softmax"), is_wrong
        ),
    }
    if recipe.network != "resnet18":  # a bound of chains alone
        result |= complexity_measures(model, data, recipe.num_gc)
    return result


def _norms(
    model: keras.Model, x: np.ndarray, outputs: str | None = None
) -> np.ndarray:
    return jacobian_norms(
        model, x, estimator="exact_reverse", outputs=outputs, batch_size=200
    )


def _judge(rows: list[dict]) -> list[Finding]:
    # Runs with true labels and without augmentation, as in the paper.
    plain = [row for row in rows if row["setting"]["series"] == PLAIN]
    findings = []
    for name, words in KINDS.items():
        values = [row["result"][name] for row in plain]
        values = [number for number in values if number is not None]
        if values:
            findings.append(
                judge_condition(
                    f"{words} at a test point predicts whether it is wrong",
                    min(values) >= THRESHOLDS["auroc"],
                    f"AUROC {min(values):.3f} to {max(values):.3f}",
                )
            )
    return findings


def _settings(plain: dict, **more: tuple) -> list[dict]:
    # The plain run takes part in every trend.
    return [{"series": PLAIN, **plain}] + [
        {"series": name, name: strength}
        for name, strengths in more.items()
        for strength in strengths
    ]


EXPERIMENT = Experiment(
    name="sensitivity",
    claim=(
        "The Jacobian's norm at a test point predicts whether it is classified "
        "right; augmentation lowers GC, full batches and random labels raise "
        "it."
    ),
    settings={
        "smoke": _settings(
            {"augment": 0, "batch_size": 32, "wrong_labels": 0.0},
            augment=(1,),
        ),
        "small": _settings(
            {"augment": 0, "batch_size": 32, "wrong_labels": 0.0},
            augment=(1, 2),
            batch_size=(128, 1000),
            wrong_labels=(0.5, 1.0),
        ),
        "paper": _settings(
            {"augment": 0, "batch_size": 128, "wrong_labels": 0.0},
            augment=(2, 4),
            batch_size=(1024, 8192),
            wrong_labels=(0.5, 1.0),
        ),
    },
    recipe=_recipe,
    run=_run,
    trends=(
        Trend("augment", "gc", -1),
        Trend("batch_size", "gc", +1),
        Trend("wrong_labels", "gc", +1),
    ),
    judge=_judge,
    thresholds=THRESHOLDS,
)
