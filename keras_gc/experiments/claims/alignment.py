"""Learning rate, batch size and momentum, compared in three ways.

Runs of different speed can be compared after equal steps, at equal training
loss, or each where it is best on held-out examples. The answer may depend on
it, so there is one for each. Batch normalisation lets a deep network train at
all the settings; its GC is measured in inference mode.

Reference: Dherin, Munn, Rosca & Barrett 2022 (arXiv 2209.13083) for learning
rate and batch size, arXiv 2410.05612 for momentum.
"""

import dataclasses
import math
from typing import Any

import keras
import numpy as np

from keras_gc.experiments import training
from keras_gc.experiments.experiment import SCALES, Experiment
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.trend import Trend

# What is varied, with the sign of the claim, and where runs are compared.
KNOBS = {"learning_rate": -1, "batch_size": +1, "momentum": -1}
ALIGNMENTS = ("gc_at_step", "gc_at_loss", "gc_at_best")

# All knobs leave from one common setting, the first of each. The examples are
# whole batches of every size, so that equal steps are whole epochs.
GRIDS: dict[str, dict[str, tuple]] = {
    "smoke": {
        "learning_rate": (0.05, 0.2),
        "batch_size": (32, 8),
        "momentum": (0.0, 0.9),
    },
    "small": {
        "learning_rate": (0.1, 0.025, 0.4),
        "batch_size": (32, 16, 128),
        "momentum": (0.0, 0.5, 0.9),
    },
    "paper": {
        "learning_rate": (0.1, 0.025, 0.05, 0.2, 0.4),
        "batch_size": (128, 32, 64, 256, 512),
        "momentum": (0.0, 0.5, 0.8, 0.9),
    },
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlignmentRecipe(Recipe):
    """A recipe for runs that are compared in three ways.

    Args:
        equal_loss: float, training loss at which runs are compared.
    """

    equal_loss: float


def _recipe(scale: str, dataset: str) -> AlignmentRecipe:
    sizes: dict[str, dict[str, Any]] = {
        # An MLP or LeNet: whether everything runs must be known in seconds.
        "smoke": {"num_train": 512, "epochs": 4},
        # Narrow, so that the grid takes minutes on two cores.
        "small": {
            "network": "resnet18",
            "width": 4,
            "num_train": 4096,
            "num_test": 700,
            "num_gc": 200,
            "epochs": 8,
        },
        "paper": {"num_train": 49_152, "epochs": 60, "curve_growth": 1.1},
    }
    common = {knob: grid[0] for knob, grid in GRIDS[scale].items()}
    changes = {"curve_growth": 1.6} | common | sizes[scale]
    return AlignmentRecipe(
        **dataclasses.asdict(base_recipe(scale, dataset, **changes)),
        equal_loss={"smoke": 1.5, "small": 1.8, "paper": 0.05}[scale],
    )


def _settings(scale: str) -> list[dict]:
    grids = GRIDS[scale]
    settings = [{knob: grid[0] for knob, grid in grids.items()}]
    for knob, grid in grids.items():
        settings += [{knob: value} for value in grid[1:]]
    usual = _recipe(scale, "cifar10")
    for setting in settings[1:]:
        if size := setting.get("batch_size"):  # equal steps
            setting["epochs"] = usual.epochs * size // usual.batch_size
    return settings


def _run(recipe: AlignmentRecipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    # Those on which GC is measured choose no step.
    x, y = data.x_test[recipe.num_gc :], data.y_test[recipe.num_gc :]

    def observe(model: keras.Model) -> dict:
        logits = keras.ops.convert_to_numpy(model(x, training=False))
        return {"val_accuracy": float(np.mean(logits.argmax(-1) == y))}

    result = training.train(recipe, seed, data, observe)[1]
    return result | aligned(result["curve"], recipe.equal_loss)


def aligned(curve: list[dict], equal_loss: float) -> dict[str, float]:
    """Read GC off a curve where runs are comparable.

    Args:
        curve: list of dicts, the points recorded along training, with `loss`,
            `gc` and `val_accuracy`.
        equal_loss: float, the training loss at which runs are compared.

    Returns:
        A dict: GC at the last step; where the loss first falls to
        `equal_loss`, between two points along the straight line from loss to
        log GC, not a number where it never does; and at the recorded point
        with the highest validation accuracy, with that `best_val_accuracy`
        and its `best_step`.
    """
    best = max(curve, key=lambda point: point["val_accuracy"])
    return {
        "gc_at_step": curve[-1]["gc"],
        "gc_at_loss": _gc_at_loss(curve, equal_loss),
        "gc_at_best": best["gc"],
        "best_val_accuracy": best["val_accuracy"],
        "best_step": best["step"],
    }


def _gc_at_loss(curve: list[dict], loss: float) -> float:
    low = [i for i, point in enumerate(curve) if point["loss"] <= loss]
    if not low or low[0] == 0:
        return math.nan
    before, after = curve[low[0] - 1], curve[low[0]]
    share = (before["loss"] - loss) / (before["loss"] - after["loss"])
    return before["gc"] * (after["gc"] / before["gc"]) ** share


EXPERIMENT = Experiment(
    name="alignment",
    claim=(
        "Of residual networks with batch normalisation, those trained with a "
        "larger learning rate, smaller batches or more momentum have a lower "
        "GC, after equal steps, at equal training loss and at the best "
        "validation accuracy alike."
    ),
    settings={scale: _settings(scale) for scale in SCALES},
    recipe=_recipe,
    run=_run,
    trends=tuple(
        Trend(knob, gc, sign)
        for knob, sign in KNOBS.items()
        for gc in ALIGNMENTS
    ),
)
