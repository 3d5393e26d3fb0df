"""Every heuristic of the paper on one network: they all press on GC."""

from keras_gc import theory
from keras_gc.experiments import training
from keras_gc.experiments.experiment import SCALES, Experiment
from keras_gc.experiments.recipe import Recipe, base_recipe
from keras_gc.experiments.trend import Trend

# Three strengths of each: the strong one may cost accuracy.
STRENGTHS = {
    "l2": (3e-4, 1e-3, 3e-3),
    "spectral_norm": (1e-3, 3e-3, 1e-2),
    "sam_rho": (0.02, 0.05, 0.1),
    "gradient_penalty": (0.01, 0.03, 0.1),
    "input_noise": (0.05, 0.1, 0.2),
    "label_noise": (0.05, 0.1, 0.2),
    "weight_noise": (0.01, 0.02, 0.04),
    "gc_weight": (1e-4, 3e-4, 1e-3),
}


def _settings(scale: str) -> list[dict]:
    # The run without any takes part in every trend.
    plain = {"series": "none", **dict.fromkeys(STRENGTHS, 0.0)}
    return [plain] + [
        {"series": name, name: strength}
        for name, strengths in STRENGTHS.items()
        for strength in (strengths[-1:] if scale == "smoke" else strengths)
    ]


def _run(recipe: Recipe, seed: int, dataset: str) -> dict:
    data = training.load(dataset, recipe)
    model, result = training.train(recipe, seed, data)
    return result | {"spectral_bound": theory.spectral_bound(model)}


EXPERIMENT = Experiment(
    name="regularizers",
    claim="The stronger a heuristic, whichever it is, the lower the GC.",
    settings={scale: _settings(scale) for scale in SCALES},
    recipe=base_recipe,
    run=_run,
    trends=tuple(Trend(name, "gc", -1) for name in STRENGTHS),
)
