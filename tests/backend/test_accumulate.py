"""Sums of few products are unrolled, those of many are loops: same numbers."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gc import backend
from tests.modes import MODES, compiled


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", [1, 2, 16, 17, 40])
def test_the_sum_and_its_gradient(count, mode):
    variable = keras.Variable(0.3)
    points = np.arange(1, count + 1, dtype="float32")

    def run(x):
        def objective():
            total = backend.accumulate(
                lambda index: ops.sin(variable * x[index]), count
            )
            return total, None

        loss, _, gradients = backend.value_and_gradients(objective, [variable])
        return loss, gradients[0]

    loss, gradient = compiled(mode, run, [variable])(
        ops.convert_to_tensor(points)
    )
    points = points.astype("float64")
    np.testing.assert_allclose(
        ops.convert_to_numpy(loss), np.sin(0.3 * points).sum(), 1e-5
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(gradient),
        (points * np.cos(0.3 * points)).sum(),
        1e-4,
    )
