"""Implicit gradient regularisation: the batch size."""

from keras_gc.experiments import training
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.learning_rate import EXPERIMENT as LEARNING_RATE
from keras_gc.experiments.verdict import Trend

EXPERIMENT = Experiment(
    name="batch_size",
    claim=(
        "Of networks trained by SGD to the same training loss, those trained "
        "with smaller batches have a lower GC."
    ),
    settings={
        scale: [{"batch_size": size} for size in sizes]
        for scale, sizes in {
            "smoke": (8, 32, 128),
            "small": (8, 16, 32, 64, 128),
            "paper": (32, 64, 128, 256, 512),
        }.items()
    },
    recipe=LEARNING_RATE.recipe,  # the same training, the same end
    run=training.run,
    trends=(Trend("batch_size", "gc", +1),),
)
