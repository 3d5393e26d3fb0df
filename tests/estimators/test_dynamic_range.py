"""A GC that float32 cannot hold, from estimators that compute in it."""

import numpy as np
import pytest
from keras import ops

from keras_gc.estimators.dynamic_range import find_factor, multiple
from tests.cases import ESTIMATORS

MATRIX = np.random.default_rng(0).normal(size=(4, 3))
X = np.random.default_rng(1).normal(size=(5, 4)).astype("float32")


@pytest.mark.parametrize("size", [1.0, 1e-20, 3e-25, 1e20])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_values_are_told_to_float32_precision(name, size):
    # Differences of outputs lose digits.
    tolerance = 1e-2 if name == "finite_difference" else 1e-4

    def values_of(factor, size=size):
        estimator = ESTIMATORS[name]()
        estimator.build(3)

        def function(x):
            return ops.matmul(x, ops.cast(size * MATRIX, "float32"))

        _, values = estimator(lambda x: multiple(factor, function(x)), X, 7)
        return ops.convert_to_numpy(values).astype("float64")

    factor = find_factor(values_of)
    assert (factor == 1) == (size == 1)
    np.testing.assert_allclose(
        values_of(factor) / factor**2,
        values_of(1.0, size=1.0) * size**2,
        rtol=tolerance,
    )


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_what_no_factor_can_mend_is_left_alone(value):
    assert find_factor(lambda factor: np.full(3, value)) == 1
