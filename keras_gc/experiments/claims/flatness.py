"""Flatness regularisation: SAM, and a penalty on the loss's gradient."""

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.recipe import base_recipe
from keras_gc.experiments.trend import Trend

RADII = {
    "smoke": (0.0, 0.05, 0.2),
    "small": (0.0, 0.02, 0.05, 0.1, 0.2),
    "paper": (0.0, 0.02, 0.05, 0.1, 0.2),
}
WEIGHTS = {
    "smoke": (0.0, 0.03, 0.3),
    "small": (0.0, 0.01, 0.03, 0.1, 0.3),
    "paper": (0.0, 0.001, 0.01, 0.1),
}

EXPERIMENT = Experiment(
    name="flatness",
    claim=(
        "A larger radius of SAM, and a larger penalty on the squared gradient "
        "of the loss, give a lower GC."
    ),
    settings={
        scale: [
            *({"series": "SAM", "sam_rho": rho} for rho in RADII[scale]),
            *(
                {"series": "gradient penalty", "gradient_penalty": weight}
                for weight in WEIGHTS[scale]
            ),
        ]
        for scale in RADII
    },
    recipe=base_recipe,
    run=training.run,
    trends=(
        Trend("sam_rho", "gc", -1, series="SAM"),
        Trend("gradient_penalty", "gc", -1, series="gradient penalty"),
    ),
)
