"""Sixteen signs come from each random number: independent, in each mode."""

import numpy as np
import pytest
from keras import ops

from keras_gc.estimators import probes
from tests.modes import MODES, compiled


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(3000, 40), (3000, 5, 8)])
def test_signs_are_independent(shape, mode):
    draw = compiled(mode, lambda x: probes.rademacher(x, 1, 3)[0])
    signs = ops.convert_to_numpy(draw(ops.zeros(shape)))
    assert signs.shape == shape
    assert signs.dtype == "float32"
    np.testing.assert_array_equal(np.abs(signs), 1)
    rows = signs.reshape(3000, -1)
    # 5.5 standard errors, for each of 40 means and 780 correlations.
    error = 5.5 / 3000**0.5
    assert np.abs(rows.mean(axis=0)).max() < error
    assert np.abs(rows.T @ rows / 3000 - np.eye(40)).max() < error
    # Neither do neighbouring rows, which share random numbers.
    assert np.abs(rows[1:].T @ rows[:-1] / 2999).max() < error
