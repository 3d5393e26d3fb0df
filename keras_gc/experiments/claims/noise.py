"""Noise regularisation: on inputs, on labels, and labels that stay wrong."""

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.trend import Trend

STDDEVS = {
    "smoke": (0.0, 0.1, 0.3),
    "small": (0.0, 0.05, 0.1, 0.2, 0.4),
    "paper": (0.0, 0.02, 0.05, 0.1, 0.2),
}
SHARES = {
    "smoke": (0.0, 0.2, 0.4),
    "small": (0.0, 0.05, 0.1, 0.2, 0.4),
    "paper": (0.0, 0.05, 0.1, 0.2, 0.4),
}


def _recipe(scale: str, dataset: str) -> Recipe:
    # Few examples, many times: labels that stay wrong must have the time to
    # be memorised.
    few = {"smoke": {"num_train": 200}, "small": {"num_train": 1000}}
    return base_recipe(scale, dataset, epochs=100, **few.get(scale, {}))


def _series(series: str, field: str, strengths: tuple) -> list[dict]:
    return [{"series": series, field: strength} for strength in strengths]


EXPERIMENT = Experiment(
    name="noise",
    claim=(
        "More noise on the inputs, and more labels drawn anew for each batch, "
        "give a lower GC; labels that stay wrong are memorised and raise it."
    ),
    settings={
        scale: [
            *_series("input noise", "input_noise", STDDEVS[scale]),
            *_series("label noise", "label_noise", SHARES[scale]),
            *_series("wrong labels", "wrong_labels", SHARES[scale]),
        ]
        for scale in STDDEVS
    },
    recipe=_recipe,
    run=training.run,
    trends=(
        Trend("input_noise", "gc", -1, series="input noise"),
        Trend("label_noise", "gc", -1, series="label noise"),
        Trend("wrong_labels", "gc", +1, series="wrong labels"),
    ),
)
