"""Implicit gradient regularisation: the batch size."""

from keras_gc.experiments import training
from keras_gc.experiments.claims.learning_rate import (
    EXPERIMENT as LEARNING_RATE,
)
from keras_gc.experiments.experiment import Experiment
from keras_gc.experiments.trend import Trend


def _small(size: int) -> dict:
    # At most as many steps as the learning rates get: a run that never comes
    # to the common loss must end in minutes.
    usual = LEARNING_RATE.recipe("small", "mnist")
    epochs = usual.epochs * size // usual.batch_size
    return {"batch_size": size, "epochs": min(usual.epochs, epochs)}


EXPERIMENT = Experiment(
    name="batch_size",
    claim=(
        "Of networks trained by SGD to the same training loss, those trained "
        "with smaller batches have a lower GC."
    ),
    settings={
        "smoke": [{"batch_size": size} for size in (8, 32, 128)],
        "small": [_small(size) for size in (8, 16, 32, 64, 128)],
        "paper": [{"batch_size": size} for size in (32, 64, 128, 256, 512)],
    },
    recipe=LEARNING_RATE.recipe,  # the same training, the same end
    run=training.run,
    trends=(Trend("batch_size", "gc", +1),),
)
