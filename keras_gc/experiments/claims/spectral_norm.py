"""Spectral-norm regularisation (Yoshida & Miyato 2017)."""

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.recipe import base_recipe
from keras_gc.experiments.trend import Trend

EXPERIMENT = Experiment(
    name="spectral_norm",
    claim="A stronger penalty on the kernels' spectral norms gives a lower GC.",
    settings={
        scale: [{"spectral_norm": strength} for strength in strengths]
        for scale, strengths in {
            "smoke": (0.0, 0.01, 0.1),
            "small": (0.0, 0.001, 0.003, 0.01, 0.03),
            "paper": (0.0, 0.001, 0.003, 0.01, 0.03),
        }.items()
    },
    recipe=base_recipe,
    run=training.run,
    trends=(Trend("spectral_norm", "gc", -1),),
)
