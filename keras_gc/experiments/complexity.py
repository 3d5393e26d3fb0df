"""Other measures of a trained network's complexity, to compare GC with."""

import math

import keras
import numpy as np

from keras_gc import theory
from keras_gc.datasets import Dataset
from keras_gc.experiments.measuring import cross_entropy

RADIUS = 0.05  # of the step uphill that sharpness takes, in weight space


def complexity_measures(
    model: keras.Model, data: Dataset, num_gc: int
) -> dict[str, float]:
    """Measure the norms, the sharpness and GC over the squared margin.

    Args:
        model: `keras.Model`, a trained chain of layers that returns logits.
        data: `Dataset`, what it was trained on.
        num_gc: int, number of training examples for GC over the squared
            margin.

    Returns:
        A dict of numbers.
    """
    x, y = data.x_train[:num_gc], data.y_train[:num_gc]
    return {
        "weight_norm": sum(
            float(np.sum(weight**2)) for weight in model.get_weights()
        ),
        "spectral_bound": theory.spectral_bound(model),
        "margin_gc": theory.margin_normalized_gc(model, x, y),
        "sharpness": sharpness(model, data.x_train[:1000], data.y_train[:1000]),
    }


def sharpness(
    model: keras.Model, x: np.ndarray, y: np.ndarray, radius: float = RADIUS
) -> float:
    """Return by how much the loss rises one step up its gradient.

    The step is that of SAM: `radius * g / ||g||` in the space of all trainable
    weights, with g the gradient of the cross-entropy.

    Args:
        model: `keras.Model`, returns logits; its weights end as they were.
        x: array, inputs.
        y: array, integer labels.
        radius: float, length of the step. Defaults to 0.05.

    Returns:
        Cross-entropy there minus cross-entropy here, in nats.
    """
    before = model.get_weights()
    loss = cross_entropy(model(x, training=False), y)
    # A step of SGD at learning rate 1, whichever the framework, is the
    # gradient. Regularizers of the layers are part of it.
    same = keras.Model(model.inputs[0], model.outputs[0])
    same.compile(
        keras.optimizers.SGD(1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    same.train_on_batch(x, y)
    after = model.get_weights()
    gradient = [old - new for old, new in zip(before, after, strict=True)]
    norm = math.sqrt(sum(float(np.sum(g**2)) for g in gradient))
    step = radius / norm if norm > 0 else 0.0
    model.set_weights([
        old + step * g for old, g in zip(before, gradient, strict=True)
    ])
    risen = cross_entropy(model(x, training=False), y) - loss
    model.set_weights(before)
    return risen
