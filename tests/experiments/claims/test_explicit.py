import pytest

from keras_gc import experiments
from keras_gc.experiments.finding import (
    NOT_DECIDED,
    NOT_REPRODUCED,
    REPRODUCED,
)

LOST = NOT_REPRODUCED


def rows(gc_and_accuracy):
    return [
        {
            "setting": {"gc_weight": weight},
            "seed": seed,
            "result": {"gc": gc, "test_accuracy": accuracy},
        }
        for weight, (gc, accuracy) in gc_and_accuracy.items()
        for seed in range(2)
    ]


@pytest.mark.parametrize(
    "runs, outcome",
    [
        ({0: (9, 0.90), 1: (4, 0.95), 2: (3, 0.90)}, REPRODUCED),
        ({0: (9, 0.90), 1: (4, 0.95), 2: (3, 0.80), 3: (2, 0.95)}, LOST),
        ({0: (9, 0.90), 1: (4, 0.95), 2: (3, 0.80)}, LOST),
        ({0: (9, 0.90), 1: (5, 0.95), 2: (4, 0.95)}, NOT_DECIDED),
        ({0: (9, 0.90), 1: (None, 0.1), 2: (None, 0.1)}, NOT_DECIDED),
        ({0: (None, 0.10), 1: (4, 0.95), 2: (3, 0.90)}, NOT_DECIDED),
    ],
    ids=[
        "kept at two",
        "two, but no neighbours",
        "kept at one",
        "one is no range",
        "diverged",
        "diverged without",
    ],
)
def test_accuracy_must_be_kept_over_a_range_that_halves_gc(runs, outcome):
    (finding,) = experiments.get("explicit").judge(rows(runs))
    assert finding.outcome == outcome
