import numpy as np
import pytest

from keras_gc import experiments
from keras_gc.experiments.claims.interpolation import LEAST_GC, POINTS, _steps


def test_least_gc_is_the_mean_squared_slope_of_straight_lines():
    grid = np.linspace(-1, 1, 90_001)
    slopes = np.gradient(np.interp(grid, *POINTS), grid)
    assert LEAST_GC == pytest.approx(np.mean(slopes**2), rel=1e-3)


@pytest.mark.parametrize(
    "end, loss, outcome",
    [
        (1.2 * LEAST_GC, 1e-4, "reproduced"),
        (3.0 * LEAST_GC, 1e-4, "not reproduced"),
        (1.2 * LEAST_GC, 1e-2, "not reproduced"),
        (None, None, "not reproduced"),
    ],
    ids=["simple", "wild", "no interpolant", "diverged"],
)
def test_a_simple_interpolant_fits_and_has_little_more_than_the_least_gc(
    end, loss, outcome
):
    row = {
        "setting": {},
        "seed": 0,
        "result": {
            "initial_gc": 0.01,
            "gc": end,
            "train_loss": loss,
            "curve": [{"step": 0, "gc": 0.01}, {"step": 9, "gc": end}],
        },
    }
    start, rising, simple = experiments.get("interpolation").judge([row])
    assert start.outcome == "reproduced"
    assert simple.outcome == outcome
    rises = "not reproduced" if end is None else "reproduced"
    assert rising.outcome == rises and rising.p_value is None


def test_gc_is_measured_at_1_2_5_of_each_power_of_ten():
    assert _steps(1000) == [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    assert _steps(5000)[-3:] == [1000, 2000, 5000]
