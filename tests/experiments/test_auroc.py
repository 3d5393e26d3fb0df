import numpy as np
import pytest

from keras_gc.experiments.auroc import auroc


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
