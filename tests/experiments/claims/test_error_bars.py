import warnings

import pytest

from keras_gc import GCEstimate, experiments
from keras_gc.experiments.claims.error_bars import _with_warning, coverage


def estimate(value, error):
    return GCEstimate(value, error, 100, "exact")


def test_coverage_counts_what_was_promised():
    estimates = [
        (estimate(10.0, 1.0), False),  # 8.04 to 11.96
        (estimate(12.1, 1.0), False),  # 10.14 and up
        (estimate(99.0, 1.0), True),
    ]
    assert coverage(estimates, 10.0) == {
        "coverage": 0.5,
        "promised": 2,
        "warned": 1,
        "num_examples": 100,
    }
    assert coverage(estimates[2:], 10.0)["coverage"] is None


def test_a_warning_takes_the_promise_back():
    def measure(value):
        if value < 0:
            warnings.warn("heavy tails", stacklevel=1)
        return value

    assert _with_warning(measure, 1) == (1, False)
    assert _with_warning(measure, -1) == (-1, True)


@pytest.mark.parametrize(
    "held, outcome",
    [((0.95, 0.94), "reproduced"), ((0.82, 0.82), "not reproduced"),
     ((0.95, 0.80), "not reproduced"), ((None, None), "not decided")],
    ids=["as promised", "too few", "too few in one run", "all warned"],
)  # fmt: skip
def test_too_few_intervals_that_hold_break_the_promise(held, outcome):
    rows = [
        {
            "setting": {"model": "heavy tails", "rtol": 0.1},
            "seed": seed,
            "result": {
                "coverage": share,
                "promised": 0 if share is None else 60,
                "warned": 60 if share is None else 0,
            },
        }
        for seed, share in enumerate(held)
    ]
    (finding,) = experiments.get("error_bars").judge(rows)
    assert finding.outcome == outcome
