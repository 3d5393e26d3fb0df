import numpy as np
import pytest

from keras_gc.experiments.claims.collapse import few_shot_accuracy


def test_collapsed_classes_are_told_apart_and_equal_ones_are_not():
    labels = np.repeat([5, 6, 7], 20)
    points = np.eye(3)[labels - 5]
    assert few_shot_accuracy(points, labels, seed=0) == 1.0
    # All features equal: the first class is always the nearest.
    guesses = few_shot_accuracy(0 * points, labels, seed=0)
    assert guesses == pytest.approx(1 / 3)
