import keras
import numpy as np
import pytest

from keras_gc.theory.margin import margin_normalized_gc

MATRIX = np.array([[3.0, 0.0, 1.0], [0.0, 2.0, -1.0]])  # inputs x logits


def linear_model(scale=1.0, activation=None):
    model = keras.Sequential([
        keras.Input((2,)),
        keras.layers.Dense(3, activation, use_bias=False),
    ])
    model.set_weights([scale * MATRIX])
    return model


X = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 5.0]])
Y = np.array([0, 1, 0, 1])
MARGINS = [2.0, 2.0, 4.0, 10.0]  # logit of the label minus the best other


def test_closed_form_on_a_linear_model():
    gc = np.sum(MATRIX**2)
    assert margin_normalized_gc(linear_model(), X, Y) == pytest.approx(
        gc / np.median(MARGINS) ** 2
    )
    assert margin_normalized_gc(
        linear_model(), X, Y, quantile=0.0
    ) == pytest.approx(gc / min(MARGINS) ** 2)


def test_the_scale_of_the_logits_does_not_matter():
    assert margin_normalized_gc(linear_model(10.0), X, Y) == pytest.approx(
        margin_normalized_gc(linear_model(), X, Y)
    )


def test_a_softmax_at_the_end_is_stepped_over():
    with pytest.warns(UserWarning, match="stepped over"):
        value = margin_normalized_gc(linear_model(1.0, "softmax"), X, Y)
    assert value == pytest.approx(margin_normalized_gc(linear_model(), X, Y))


def test_infinite_where_most_examples_are_misclassified():
    assert margin_normalized_gc(linear_model(), X, [1, 0, 1, 1]) == np.inf


def test_errors_say_what_is_needed():
    with pytest.raises(ValueError, match="one integer label"):
        margin_normalized_gc(linear_model(), X, np.eye(4))
    with pytest.raises(ValueError, match="quantile"):
        margin_normalized_gc(linear_model(), X, Y, quantile=2)
    single = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="at least two"):
        margin_normalized_gc(single, X, np.zeros(4, int))
