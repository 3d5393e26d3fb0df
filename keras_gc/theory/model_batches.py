"""Data as a model takes them."""

from collections.abc import Iterator
from typing import Any

import keras

from keras_gc.batches import batches_of
from keras_gc.logits import input_dtype, input_structure


def model_batches(model: keras.Model, x: Any, batch_size: int) -> Iterator:
    """Yield the inputs of a model, cast and held against its shapes.

    Args:
        model: `keras.Model`, built.
        x: the data, as for `keras_gc.geometric_complexity`.
        batch_size: int, for arrays.

    Returns:
        An iterator over tensors, or structures of tensors.
    """
    inputs = input_structure(model)
    return batches_of(x, input_dtype(model), batch_size, inputs=inputs)
