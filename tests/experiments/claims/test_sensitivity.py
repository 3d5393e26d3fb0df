import numpy as np
import pytest

from keras_gc import experiments
from keras_gc.experiments.claims.sensitivity import auroc


def test_auroc_is_the_chance_that_a_positive_scores_higher():
    scores = np.array([1.0, 2.0, 2.0, 3.0, 0.0])
    positive = np.array([False, True, False, True, False])
    wins = [
        (p > n) + (p == n) / 2
        for p in scores[positive]
        for n in scores[~positive]
    ]
    assert auroc(scores, positive) == pytest.approx(np.mean(wins))
    assert auroc(-scores, positive) == pytest.approx(1 - np.mean(wins))
    assert auroc(scores, np.ones(5, bool)) is None


def test_each_run_must_predict_and_only_plain_runs_count():
    rows = [
        {
            "setting": {"series": series},
            "seed": seed,
            "result": {"softmax_auroc": good, "logit_auroc": poor},
        }
        for series, seed, good, poor in (
            ("plain", 0, 0.9, 0.61),
            ("plain", 1, 0.8, 0.59),
            ("augment", 0, 0.1, 0.1),
        )
    ]
    softmax, logits = experiments.get("sensitivity").judge(rows)
    assert (softmax.outcome, logits.outcome) == (
        "reproduced", "not reproduced",
    )  # fmt: skip
    assert softmax.evidence == "AUROC 0.800 to 0.900"
