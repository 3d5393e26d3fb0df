"""Each warning, provoked once, and a healthy model without any."""

import numpy as np
import pytest
from keras import layers, ops

import keras_gc
from tests.reporting.models import linear, mixed_squares, of_layers, squares

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
A = np.array([[1.0, 2.0, 0.5], [-3.0, 0.5, 1.0]])
FEW = np.concatenate([X, [[100, 100, 100]]]).astype("float32")
BROKEN = np.concatenate([X, [[np.nan, 0, 0]]]).astype("float32")


def _sigmoid_in_own_code():
    return of_layers((3,), layers.Dense(1), layers.Lambda(ops.sigmoid))


def _compares_examples():
    centred = layers.Lambda(lambda x: x - ops.mean(x, axis=0, keepdims=True))
    return of_layers((3,), centred, layers.Dense(2))


def _half_dead():
    # relu(x_1 + x_2 + x_3): 0, with its derivative, where the sum is negative.
    model = of_layers((3,), layers.Dense(1, "relu"), layers.Dense(2))
    model.layers[0].set_weights([np.ones((3, 1)), np.zeros(1)])
    return model


def _noise_in_the_order():
    return mixed_squares(RNG.normal(size=(260, 270)) / 16)


# Warnings that each of these gives, by words of theirs.
CASES = {
    "healthy": (lambda: linear(A), X, None, []),
    "not finite": (lambda: squares(3), BROKEN, None, ["NaN or infinite"]),
    "independent": (
        lambda: linear(0 * A),
        X,
        None,
        ["do not depend on the inputs", "same for all 40 examples"],
    ),
    "constant": (
        lambda: linear(1e-9 * A, bias=[1.0, 2.0]),
        X,
        None,
        ["same for all 40 examples"],
    ),
    "dead output": (
        lambda: linear(A * [[1], [0]], bias=[0.0, 1.0]),
        X,
        None,
        ["1 of 2 outputs are the same for all examples: 1."],
    ),
    "underflow": (lambda: linear(1e-25 * A), X, None, ["underflow"]),
    "zero at some": (_half_dead, X, None, ["exactly 0 at"]),
    "dead input": (
        lambda: linear(A * [1, 0, 1]),
        X,
        None,
        ["1 of 3 inputs are dead: the derivative with respect to them is 0 at "
         "each example (1)."],
    ),
    "few": (lambda: squares(3), FEW, None, ["one example makes up"]),
    "probabilities": (_sigmoid_in_own_code, X, None, ["between 0 and 1"]),
    "ranking": (
        _noise_in_the_order,
        RNG.choice([-1.0, 1.0], size=(30, 270)),  # all norms are equal
        None,
        ["same for all 30 examples", "rank correlation"],
    ),
    "chance": (
        lambda: linear(A, bias=[1e3, 0.0]),
        X,
        np.arange(40) % 2,
        ["no better than that of always guessing"],
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.* examples in `x` hold NaN")
@pytest.mark.filterwarnings("ignore:All outputs of this model lie between")
@pytest.mark.parametrize("case", CASES)
def test_each_warning_is_given_where_it_is_due(case):
    model, x, y, words = CASES[case]
    warnings = keras_gc.report(model(), x, y).warnings
    assert len(warnings) == len(words), warnings
    for warning, expected in zip(warnings, words, strict=True):
        assert expected in warning


def test_models_that_compare_examples_are_refused():
    with pytest.raises(ValueError, match="its own example alone"):
        keras_gc.report(_compares_examples(), X)


def test_probabilities_that_sum_to_one_are_refused():
    model = of_layers((3,), layers.Dense(2), layers.Lambda(ops.softmax))
    with pytest.raises(ValueError, match="probabilities"):
        keras_gc.report(model, X)


def test_a_softmax_that_is_stepped_over_is_a_note(recwarn):
    model = of_layers((3,), layers.Dense(2, "softmax"))
    notes = keras_gc.report(model, X).facts.notes
    assert [note for note in notes if "stepped over" in note] != []
    assert [w for w in recwarn if "stepped over" in str(w.message)] == []


def test_what_bounds_need_and_a_model_lacks_is_a_note():
    facts = keras_gc.report(squares(3), X).facts
    assert facts.spectral_bound is None
    assert any(note.startswith("Spectral bound") for note in facts.notes)
