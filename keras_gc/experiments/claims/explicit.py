"""GC itself as the penalty."""

import math
from itertools import groupby

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.finding import Finding, judge_condition
from keras_gc.experiments.recipe import base_recipe
from keras_gc.experiments.rows import by_setting, mean
from keras_gc.experiments.trend import Trend

THRESHOLDS = {
    "kept_accuracy": 0.005,  # a loss of accuracy up to it still counts as kept
    "lower_gc": 0.5,  # of the GC without penalty
    "range": 2,  # neighbouring weights
}


def _judge(rows: list[dict]) -> list[Finding]:
    """Over a range of weights GC is at most half and accuracy is kept."""
    (_, plain_gc, plain_accuracy), *penalised = (
        (setting["gc_weight"], mean(runs, "gc"), mean(runs, "test_accuracy"))
        for setting, runs in by_setting(rows)
    )
    halved = {
        weight: accuracy
        for weight, gc, accuracy in penalised
        if None not in (gc, plain_gc)
        and gc <= THRESHOLDS["lower_gc"] * plain_gc
    }
    least = plain_accuracy - THRESHOLDS["kept_accuracy"]
    kept = [
        halved.get(weight, -math.inf) >= least for weight, _, _ in penalised
    ]
    longest = max(len(list(run)) * good for good, run in groupby(kept))
    can_tell = len(halved) >= THRESHOLDS["range"]
    evidence = "".join(
        f"{accuracy:.4f} at weight {weight:g}, "
        for weight, accuracy in halved.items()
    )
    return [
        judge_condition(
            "test accuracy is kept or raised over a range of weights that at "
            "least halve GC",
            longest >= THRESHOLDS["range"] if can_tell else None,
            f"{evidence}{plain_accuracy:.4f} without penalty",
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
    thresholds=THRESHOLDS,
)
