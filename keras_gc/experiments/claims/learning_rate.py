"""Implicit gradient regularisation: the learning rate."""

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.trend import Trend


def _recipe(scale: str, dataset: str) -> Recipe:
    # Plain SGD, stopped at one training loss for all: after equal numbers of
    # steps a small learning rate would have a low GC because it has learned
    # little.
    epochs = 100 if scale == "paper" else 300
    stop_at_loss = 0.05 if scale == "paper" else 0.02
    return base_recipe(scale, dataset, epochs=epochs, stop_at_loss=stop_at_loss)


EXPERIMENT = Experiment(
    name="learning_rate",
    claim=(
        "Of networks trained by SGD to the same training loss, those trained "
        "with a larger learning rate have a lower GC."
    ),
    settings={
        scale: [{"learning_rate": rate} for rate in rates]
        for scale, rates in {
            "smoke": (0.05, 0.15, 0.5),
            "small": (0.01, 0.02, 0.05, 0.1, 0.2),
            "paper": (0.01, 0.02, 0.05, 0.1, 0.2),
        }.items()
    },
    recipe=_recipe,
    run=training.run,
    trends=(Trend("learning_rate", "gc", -1),),
)
