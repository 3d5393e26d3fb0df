"""The demo: `explicit` on all examples, with weights of the user's choice."""

import dataclasses
from collections.abc import Sequence

from keras_gc import datasets
from keras_gc._validation import number, one_of, positive_int
from keras_gc.experiments.claims.explicit import EXPERIMENT as EXPLICIT
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.recipe import Recipe, base_recipe

# For a small data set other weights and more epochs; all of them are ours.
_WEIGHTS = {"digits": (0.0, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)}
_OTHER_WEIGHTS = (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
_EPOCHS = {"digits": 30}
_OTHER_EPOCHS = 5
_ALL = 60_000  # training examples; no data set of ours has more


def demo(
    dataset: str = "digits",
    *,
    weights: Sequence[float] | None = None,
    epochs: int | None = None,
    max_train: int | None = None,
) -> Experiment:
    """Return the experiment behind `keras-gc demo`.

    Args:
        dataset: str, name of a data set. Defaults to "digits".
        weights: list of floats >= 0, weights of the GC penalty. Defaults to 0
            and five more.
        epochs: int >= 1, passes over the training examples. Defaults to 30 for
            "digits", else 5.
        max_train: int >= 1, size of a random subset of the training examples.
            Defaults to all of them.

    Returns:
        An `Experiment` with one setting for each weight, to be run at scale
        "small".

    Raises:
        ValueError: If a number is out of its range.
        TypeError: If it is none.
    """
    one_of("dataset", dataset, datasets.names())
    weights = weights or _WEIGHTS.get(dataset, _OTHER_WEIGHTS)
    if epochs is None:
        epochs = _EPOCHS.get(dataset, _OTHER_EPOCHS)
    positive_int("epochs", epochs)
    if max_train is not None:
        positive_int("max_train", max_train)

    def recipe(scale: str, dataset: str) -> Recipe:
        return base_recipe(
            scale,
            dataset,
            optimizer="adam",
            learning_rate=1e-3,
            batch_size=64,
            epochs=epochs,
            num_train=max_train or _ALL,
            num_test=10_000,
            num_gc=1000,
        )

    return dataclasses.replace(
        EXPLICIT,
        name="demo",
        settings={
            "small": [
                {"gc_weight": number("weights", weight, minimum=0.0)}
                for weight in weights
            ]
        },
        recipe=recipe,
    )
