"""GC itself as the penalty."""

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.recipe import base_recipe
from keras_gc.experiments.rows import by_setting, mean
from keras_gc.experiments.verdict import (
    THRESHOLDS,
    Finding,
    Trend,
    judge_condition,
)


def _judge(rows: list[dict]) -> list[Finding]:
    """Accuracy is kept at some weight that at least halves GC."""
    means = [
        (setting["gc_weight"], mean(runs, "gc"), mean(runs, "test_accuracy"))
        for setting, runs in by_setting(rows)
    ]
    _, plain_gc, plain_accuracy = means[0]
    halved = [
        (accuracy, weight)
        for weight, gc, accuracy in means[1:]
        if gc is not None and gc <= plain_gc / 2
    ]
    if not halved:
        return [
            judge_condition(
                "test accuracy is kept or raised", False, "no GC was halved"
            )
        ]
    accuracy, weight = max(halved)
    return [
        judge_condition(
            "test accuracy is kept or raised where GC is at most half",
            accuracy >= plain_accuracy - THRESHOLDS["kept_accuracy"],
            f"{accuracy:.4f} at weight {weight:g}, {plain_accuracy:.4f} "
            "without penalty",
        )
    ]


EXPERIMENT = Experiment(
    name="explicit",
    claim=(
        "A larger weight of the GC penalty gives a lower GC, and over a range "
        "of weights test accuracy is kept or raised."
    ),
    settings={
        scale: [{"gc_weight": weight} for weight in weights]
        for scale, weights in {
            "smoke": (0.0, 0.001, 0.01),
            "small": (0.0, 1e-4, 3e-4, 1e-3, 3e-3),
            "paper": (0.0, 1e-5, 1e-4, 1e-3),
        }.items()
    },
    recipe=base_recipe,
    run=training.run,
    trends=(Trend("gc_weight", "gc", -1),),
    judge=_judge,
)
