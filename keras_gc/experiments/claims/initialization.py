"""GC of networks that were not trained, over their depth."""

import dataclasses

import keras

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.measuring import ExactGC
from keras_gc.experiments.networks import mlp
from keras_gc.experiments.recipe import base_recipe
from keras_gc.experiments.trend import Trend

SCHEMES = ("lecun_normal", "glorot_uniform", "he_normal")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """An untrained MLP. The values are ours.

    Args:
        depth: int, hidden layers.
        width: int, units of each.
        kernel_initializer: str, a Keras initializer.
        num_gc: int, held-out examples on which GC is exact.
    """

    depth: int = 1
    width: int = 128
    kernel_initializer: str = "glorot_uniform"
    num_gc: int = 200


def _run(recipe: Recipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, base_recipe("small", dataset))
    x = data.x_test
    keras.utils.set_random_seed(seed)
    network = mlp(
        x.shape[1:],
        data.num_classes,
        width=recipe.width,
        depth=recipe.depth,
        kernel_initializer=recipe.kernel_initializer,
    )
    return {"gc": ExactGC(network)(x[: recipe.num_gc])}


EXPERIMENT = Experiment(
    name="initialization",
    # He's scheme is shown for comparison and claims nothing: its variance is
    # chosen so that ReLU layers keep the size of gradients, hence of the
    # Jacobian.
    claim=(
        "With the initialisations of LeCun and of Glorot, GC before training "
        "falls with the depth of a ReLU network."
    ),
    settings={
        scale: [
            {"series": scheme, "kernel_initializer": scheme, "depth": depth}
            for scheme in SCHEMES
            for depth in depths
        ]
        for scale, depths in {
            "smoke": (1, 2, 4),
            "small": (1, 2, 4, 8, 16, 32),
            "paper": (1, 2, 4, 8, 16, 32, 64),
        }.items()
    },
    recipe=lambda scale, dataset: Recipe(),
    run=_run,
    trends=tuple(
        Trend("depth", "gc", -1, series=scheme)
        for scheme in ("lecun_normal", "glorot_uniform")
    ),
)
