import pytest

from keras_gc import experiments
from keras_gc.experiments.verdict import NOT_REPRODUCED, REPRODUCED


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
        ({0: (100, 0.90), 1: (60, 0.95), 2: (40, 0.90)}, REPRODUCED),
        ({0: (100, 0.90), 1: (60, 0.95), 2: (40, 0.88)}, NOT_REPRODUCED),
        ({0: (100, 0.90), 1: (60, 0.95), 2: (55, 0.95)}, NOT_REPRODUCED),
    ],
    ids=["kept at half GC", "lost at half GC", "never half GC"],
)
def test_accuracy_must_be_kept_where_gc_is_halved(runs, outcome):
    (finding,) = experiments.get("explicit").judge(rows(runs))
    assert finding.outcome == outcome
