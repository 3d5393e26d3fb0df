import numpy as np
import pytest

from keras_gc.theory.neural_collapse import neural_collapse


def test_value_of_the_definition_on_three_classes():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(30, 4)), np.arange(30) % 3
    pairs = []
    for i in range(3):
        for j in range(3):
            if i != j:
                a, b = features[labels == i], features[labels == j]
                variances = sum(
                    np.mean(np.sum((h - h.mean(0)) ** 2, 1)) for h in (a, b)
                )
                distance = np.sum((a.mean(0) - b.mean(0)) ** 2)
                pairs.append(variances / (2 * distance))
    assert neural_collapse(features, labels) == pytest.approx(np.mean(pairs))


def test_zero_where_each_class_is_a_point_and_inf_where_two_coincide():
    labels = [0, 0, 5, 5]
    assert neural_collapse([[1.0], [1.0], [2.0], [2.0]], labels) == 0
    assert neural_collapse([[0.0], [2.0], [0.0], [2.0]], labels) == np.inf


def test_scale_and_shift_of_the_features_do_not_matter():
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(20, 3)), np.arange(20) % 2
    assert neural_collapse(7 * features + 100, labels) == pytest.approx(
        neural_collapse(features, labels)
    )


def test_feature_maps_are_flattened():
    features = np.random.default_rng(2).normal(size=(8, 2, 2, 3))
    labels = np.arange(8) % 2
    assert neural_collapse(features, labels) == neural_collapse(
        features.reshape(8, 12), labels
    )


def test_errors_say_what_is_needed():
    with pytest.raises(ValueError, match="one integer for each row"):
        neural_collapse(np.ones((3, 2)), [0, 1])
    with pytest.raises(ValueError, match="at least two classes"):
        neural_collapse(np.ones((3, 2)), [4, 4, 4])
