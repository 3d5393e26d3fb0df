import pytest

from keras_gc import experiments


def rows(accuracies):
    return [
        {
            "setting": {"gc_weight": weight},
            "seed": 0,
            "result": {"test_accuracy": clean, "attack_accuracy": attacked},
        }
        for weight, (clean, attacked) in accuracies.items()
    ]


@pytest.mark.parametrize(
    "accuracies, outcome",
    [
        ({0.0: (0.95, 0.2), 1.0: (0.945, 0.5)}, "reproduced"),
        ({0.0: (0.95, 0.2), 1.0: (0.93, 0.5)}, "not reproduced"),
        ({0.0: (0.95, 0.2), 1.0: (0.96, 0.1)}, "not reproduced"),
    ],
    ids=["cheap", "costly", "no gain"],
)
def test_robustness_must_be_cheap(accuracies, outcome):
    (finding,) = experiments.get("robustness").judge(rows(accuracies))
    assert finding.outcome == outcome
