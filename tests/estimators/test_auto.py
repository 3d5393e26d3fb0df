"""What "auto" stands for, for each purpose."""

import pytest

from keras_gc import estimators
from keras_gc.estimators import auto


@pytest.mark.parametrize(
    ("num_outputs", "num_inputs", "expected"),
    [
        (10, 784, "ExactReverse"),
        (32, 784, "ExactReverse"),
        (33, 784, "SampledOutputs"),
        (1000, 32, "ExactForward"),
        (1000, 33, "SampledOutputs"),
        (5, 5, "ExactReverse"),
        (3, 2, "ExactForward"),
    ],
)
def test_measuring_is_exact_where_it_is_affordable(
    num_outputs, num_inputs, expected
):
    chosen = auto.for_measuring(num_outputs, num_inputs)
    assert type(chosen).__name__ == expected


@pytest.mark.parametrize("choose", [auto.for_penalty, auto.for_metric])
@pytest.mark.parametrize("num_outputs", [1, 10, 1000])
def test_training_takes_one_unbiased_product(choose, num_outputs):
    chosen = choose()
    assert isinstance(chosen, estimators.Hutchinson)
    assert chosen.is_unbiased
    assert chosen.num_passes(num_outputs, 784) == 1
    assert choose() is not chosen  # it may have a state
