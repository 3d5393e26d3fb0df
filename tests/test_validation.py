import ast
import fractions
from pathlib import Path

import numpy as np
import pytest

import keras_gc
from keras_gc import _validation


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros((5, 3)), "<ndarray of shape (5, 3) and dtype float64>"),
        ("a\nb", "'a\\nb'"),
        (np.float32(2.0), "np.float32(2.0)"),
        (None, "None"),
    ],
)
def test_what_was_received_is_shown_on_one_line(value, words):
    assert _validation.shown(value) == words


def test_what_is_long_is_cut():
    shown = _validation.shown(list(range(10_000)))
    assert len(shown) == 200
    assert shown.endswith("...")


def test_errors_show_what_was_received_in_bounded_length():
    unbounded = [
        f"{path.name}:{part.lineno}"
        for path in Path(keras_gc.__file__).parent.rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text()))
        if isinstance(text, ast.JoinedStr)
        for part in _after_received(text.values)
        if isinstance(part, ast.FormattedValue) and part.conversion == ord("r")
    ]
    assert not unbounded, "use `_validation.shown` there"


def _after_received(parts):
    for index, part in enumerate(parts):
        if isinstance(part, ast.Constant) and "Received" in part.value:
            return parts[index + 1 :]
    return []


@pytest.mark.parametrize("value", [True, 1.0, "1", None, np.ones(1, int)])
def test_what_is_no_int_raises(value):
    with pytest.raises(TypeError, match="`n` must be an int >= 1. Received: n"):
        _validation.positive_int("n", value)


@pytest.mark.parametrize("value", [0, -(10**400)])
def test_an_int_below_the_minimum_raises(value):
    with pytest.raises(
        ValueError, match="`n` must be an int >= 1. Received: n"
    ):
        _validation.positive_int("n", value)


def test_ints_of_numpy_become_ints():
    assert type(_validation.positive_int("n", np.int8(3))) is int


@pytest.mark.parametrize("value", [-1, 2**31, 10**400])
def test_what_can_be_no_seed_raises(value):
    with pytest.raises(ValueError, match="`seed` must be an int"):
        _validation.seed("seed", value)


@pytest.mark.parametrize("value", [None, 0, 2**31 - 1])
def test_what_can_be_a_seed_passes(value):
    assert _validation.seed("seed", value) == value


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**400, -1, 1.5, -0.0001]
)
def test_a_number_out_of_its_range_raises(value):
    match = "`p` must be a finite number >= 0 and <= 1. Received: p="
    with pytest.raises(ValueError, match=match):
        _validation.number("p", value, minimum=0.0, maximum=1.0)


@pytest.mark.parametrize("value", [True, "0.5", None, 1j, [0.5], np.ones(1)])
def test_what_is_no_number_raises(value):
    with pytest.raises(
        TypeError, match="`p` must be a finite number. Received"
    ):
        _validation.number("p", value)


@pytest.mark.parametrize(
    "value", [0.5, np.float32(0.5), fractions.Fraction(1, 2)]
)
def test_numbers_of_any_kind_become_floats(value):
    number = _validation.number("p", value, minimum=0.5)
    assert (number, type(number)) == (0.5, float)
    with pytest.raises(ValueError, match="`p` must be a finite number > 0.5"):
        _validation.number("p", value, minimum=0.5, exclusive=True)


@pytest.mark.parametrize(
    ("value", "end"),
    [
        ("lef", "name='lef'. Did you mean 'left'?"),
        ("up", "name='up'"),
        (None, "name=None"),
        (np.ones(2), "and dtype float64>"),
    ],
)
def test_a_name_that_is_unknown_is_told_the_known_ones(value, end):
    with pytest.raises(ValueError) as caught:
        _validation.one_of("name", value, ["left", "right"])
    message = str(caught.value)
    assert message.startswith("`name` must be one of ('left', 'right').")
    assert message.endswith(end)
