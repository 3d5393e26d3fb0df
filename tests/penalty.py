"""Values of an estimator, and the gradients of a penalty on their mean."""

import numpy as np
from keras import ops

from keras_gc import backend
from tests.modes import compiled
from tests.oracles import directional_derivative


def penalty(model, estimator, mode, seed=7):
    """Return a function from x to `(values, gradients)`, numpy arrays.

    The gradients are those of `mean(values)`, in the order of the model's
    trainable variables; one that does not exist is 0.
    """
    variables = model.trainable_variables

    def values_and_gradients(x):
        def objective():
            def logits(point):
                return model(point, training=False)

            _, values = estimator(logits, x, seed)
            return ops.mean(values), values

        *_, values, gradients = backend.value_and_gradients(
            objective, variables
        )
        return values, [
            ops.zeros_like(v) if g is None else g
            for v, g in zip(variables, gradients, strict=True)
        ]

    run = compiled(
        mode, values_and_gradients, model.variables, estimator.variables
    )

    def on_arrays(x):
        values, gradients = run(ops.convert_to_tensor(x))
        return ops.convert_to_numpy(values), [
            ops.convert_to_numpy(g) for g in gradients
        ]

    return on_arrays


def assert_gradients_match_differences(model, run, x, step, tolerance):
    """Compare gradients with differences of values in a random direction."""
    rng = np.random.default_rng(1)
    variables = model.trainable_variables
    directions = [rng.normal(size=v.shape) for v in variables]
    _, gradients = run(x)
    slope = sum(
        np.sum(g * direction)
        for g, direction in zip(gradients, directions, strict=True)
    )
    expected = directional_derivative(
        lambda: run(x)[0].mean(), variables, directions, step
    )
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    size = np.sqrt(sum(np.sum(direction**2) for direction in directions))
    assert norm > 0
    np.testing.assert_allclose(slope, expected, atol=tolerance * norm * size)
