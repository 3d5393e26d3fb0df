"""A target of GC instead of a weight: is it met, and at what price?"""

import dataclasses
import statistics

import keras

from keras_gc import datasets
from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.measuring import ExactGC, measure
from keras_gc.experiments.recipe import Recipe, base_recipe, shape_of
from keras_gc.experiments.rows import by_setting, mean
from keras_gc.experiments.trend import Trend

THRESHOLDS = {
    "off_target": 0.1,  # of the target
    "kept_accuracy": 0.01,  # below that of a fixed weight with the same GC
}
NETWORKS = {"MLP": "mlp", "LeNet": "lenet"}
TARGETS = {
    "smoke": {"MLP": (10.0, 1.0)},
    "small": dict.fromkeys(NETWORKS, (300.0, 100.0, 30.0, 10.0, 3.0)),
    "paper": dict.fromkeys(NETWORKS, (300.0, 100.0, 30.0, 10.0, 3.0)),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetRecipe(Recipe):
    """A recipe with a target. Ours.

    Args:
        gc_target: float, GC of the training batches is held at or below it.
    """

    gc_target: float = 100.0


def _recipe(scale: str, dataset: str) -> TargetRecipe:
    sizes = {} if scale == "paper" else {"epochs": 10, "num_gc": 1000}
    recipe = base_recipe(
        scale, dataset, optimizer="adam", learning_rate=1e-3, **sizes
    )
    return TargetRecipe(**dataclasses.asdict(recipe))


def _run(recipe: TargetRecipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    result = _train(recipe, seed, data, gc_target=recipe.gc_target)
    # The weight that it has settled at, kept from the first step on.
    weights = result["gc_weights"]
    weight = statistics.fmean(weights[-max(1, len(weights) // 4) :])
    fixed = _train(recipe, seed, data, gc_weight=weight)
    return result | {
        "settled_weight": weight,
        **{f"fixed_{name}": fixed[name] for name in ("gc_train", "gc")},
        "fixed_accuracy": fixed["test_accuracy"],
    }


def _train(
    recipe: TargetRecipe, seed: int, data: datasets.Dataset, **strength: float
) -> dict:
    keras.utils.set_random_seed(seed)
    model = training.build(recipe, data.x_train.shape[1:], data.num_classes)
    model.compile(model.optimizer, model.loss, **strength)
    history = model.fit(
        data.x_train,
        data.y_train,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        verbose=0,
    ).history
    steps = -(-len(data.x_train) // recipe.batch_size)
    return measure(model, data, recipe.num_gc, ExactGC(model)) | {
        "gc_weights": history.get("gc_weight", []),
        "curve": [
            {"step": steps * epoch, "gc": gc}
            for epoch, gc in enumerate(history["gc"], start=1)
        ],
    }


def _judge(rows: list[dict]) -> list[Finding]:
    met, kept, figures, accuracies = [], [], [], []
    for setting, runs in by_setting(rows):
        target = setting["gc_target"]
        gc, weight, fixed_gc, accuracy, fixed_accuracy = (
            mean(runs, name) or 0.0
            for name in (
                "gc_train",
                "settled_weight",
                "fixed_gc_train",
                "test_accuracy",
                "fixed_accuracy",
            )
        )
        allowed = THRESHOLDS["off_target"] * target
        # Where GC stays below by itself, there is nothing to be met.
        met.append(
            gc <= target + allowed and (gc >= target - allowed or not weight)
        )
        kept.append(accuracy >= fixed_accuracy - THRESHOLDS["kept_accuracy"])
        name = f"{setting['series']} {target:g}"
        figures.append(f"{name}: {gc:.3g}")
        accuracies.append(
            f"{name}: {accuracy:.3f} and {fixed_accuracy:.3f} at GC "
            f"{fixed_gc:.3g}"
        )
    return [
        judge_condition(
            "GC of the training examples ends within a tenth of each target "
            "that binds, and below the others",
            all(met),
            "; ".join(figures),
        ),
        judge_condition(
            "test accuracy is that of a network trained with the weight that "
            "was found, held fixed",
            all(kept),
            "; ".join(accuracies),
        ),
    ]


EXPERIMENT = Experiment(
    name="target",
    claim=(
        "Given a target, training ends at this GC with no weight to choose, "
        "and is as accurate as with the fixed weight that leads there."
    ),
    settings={
        scale: [
            {"series": series, "gc_target": target}
            | shape_of(NETWORKS[series], scale)
            for series, values in targets.items()
            for target in values
        ]
        for scale, targets in TARGETS.items()
    },
    recipe=_recipe,
    run=_run,
    trends=tuple(
        Trend("gc_target", "gc", +1, series=series) for series in NETWORKS
    ),
    judge=_judge,
    thresholds=THRESHOLDS,
)
