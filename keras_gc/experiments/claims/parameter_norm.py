"""Parameter-norm regularisation: Keras's own L2."""

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.recipe import base_recipe
from keras_gc.experiments.trend import Trend

EXPERIMENT = Experiment(
    name="parameter_norm",
    claim="A stronger L2 penalty on the kernels gives a lower GC.",
    settings={
        scale: [{"l2": strength} for strength in strengths]
        for scale, strengths in {
            "smoke": (0.0, 0.001, 0.01),
            "small": (0.0, 1e-4, 3e-4, 1e-3, 3e-3),
            "paper": (0.0, 1e-5, 1e-4, 3e-4, 1e-3),
        }.items()
    },
    recipe=base_recipe,
    run=training.run,
    trends=(Trend("l2", "gc", -1),),
)
