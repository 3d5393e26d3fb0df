import keras
import numpy as np
import pytest

from keras_gc import experiments
from keras_gc.experiments.claims.mislabelled import LOSSES, NORMS, losses


def test_losses_are_those_of_each_example():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
    logits = np.log([[0.25, 0.75], [0.5, 0.5]]).astype("float32")
    found = losses(model, logits, np.array([0, 1]))
    assert found == pytest.approx(-np.log([0.25, 0.5]))


def test_each_norm_is_held_against_the_loss():
    scores = dict.fromkeys(NORMS | LOSSES, 0.7) | {
        "norm_auroc": 0.5,
        "norm_mean_auroc": 0.9,
    }
    rows = [
        {"setting": {"wrong_labels": 0.1}, "seed": seed, "result": scores}
        for seed in range(2)
    ]
    findings = experiments.get("mislabelled").judge(rows)
    assert [finding.outcome for finding in findings] == [
        "not reproduced", "reproduced", "reproduced",
    ]  # fmt: skip
    assert "mean AUROC 0.500; 0.700 the loss at the end" in (
        findings[0].evidence
    )
