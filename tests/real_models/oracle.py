"""A script: squared Jacobian norms in float64, by Keras alone.

    KERAS_BACKEND=torch python -m tests.real_models.oracle NAME FILE

Run in another backend than what it is held against.
"""

import sys

import keras
import numpy as np

from tests.oracles import double_precision
from tests.real_models import models


def rows_of(x):
    count = len(keras.tree.flatten(x)[0])
    return [
        keras.tree.map_structure(lambda a, i=i: a[i : i + 1], x)
        for i in range(count)
    ]


def squared_norm(model, row, variable):
    """Of one row: with respect to it, or to the table of its embedding."""
    logits = without_softmax(model)
    total = 0.0
    if keras.config.backend() == "torch":
        import torch

        point = (
            torch.tensor(row, dtype=torch.float64, requires_grad=True)
            if variable is None
            else variable.value
        )
        outputs = logits(point if variable is None else row, training=False)
        for output in outputs.reshape(-1):
            (gradient,) = torch.autograd.grad(output, point, retain_graph=True)
            total += float((gradient**2).sum())
        return total
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        point = (
            tf.constant(row, "float64") if variable is None else variable.value
        )
        tape.watch(point)
        outputs = logits(point if variable is None else row, training=False)
        outputs = tf.unstack(tf.reshape(outputs, [-1]))
    for output in outputs:
        gradient = tf.convert_to_tensor(tape.gradient(output, point))
        total += float(tf.reduce_sum(gradient**2))
    return total


def without_softmax(model):
    last = model.layers[-1]
    if getattr(last, "activation", None) is keras.activations.softmax:
        last.activation = keras.activations.linear
    return model


@double_precision()
def main(name, path):
    model = models.make(name)
    model.set_weights(models.draw_weights(model))
    variable = None
    if models.is_token_model(name):
        variable = models.token_table(name, model)
    x = models.inputs_of(name, model)
    np.save(path, [squared_norm(model, row, variable) for row in rows_of(x)])


if __name__ == "__main__":
    main(*sys.argv[1:])
