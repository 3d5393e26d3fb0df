"""Double descent: GC and test loss over the width of the network."""

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.trend import Trend


def _recipe(scale: str, dataset: str) -> Recipe:
    # One hidden layer and few examples: the network begins to fit them all,
    # a fifth of them with random labels, at a moderate width. Long training
    # lets it do so.
    changes = {"wrong_labels": 0.2, "optimizer": "adam"}
    if scale == "paper":
        return base_recipe(scale, dataset, learning_rate=1e-4, **changes)
    num_train, epochs = {"smoke": (300, 400), "small": (1000, 300)}[scale]
    return base_recipe(
        scale,
        dataset,
        network="mlp",
        depth=1,
        learning_rate=1e-3,
        batch_size=64,
        num_train=num_train,
        epochs=epochs,
        **changes,
    )


EXPERIMENT = Experiment(
    name="double_descent",
    claim="As the width of a network grows, GC follows the test loss.",
    settings={
        scale: [{"width": width} for width in widths]
        for scale, widths in {
            "smoke": (2, 8, 32, 256),
            "small": (2, 4, 8, 12, 16, 24, 32, 64, 128, 256),
            "paper": (1, 2, 4, 8, 12, 16, 24, 32, 64),
        }.items()
    },
    recipe=_recipe,
    run=training.run,
    trends=(Trend("test_loss", "gc", +1),),
)
