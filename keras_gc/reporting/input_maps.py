"""Where in the inputs GC comes from, input by input."""

import math
from typing import Any

import keras
import numpy as np

from keras_gc.reporting.facts import InputMap
from keras_gc.reporting.input_meter import InputMeter
from keras_gc.reporting.survey import Survey

_SMALLEST_IMAGE = 8


def input_maps(
    meter: InputMeter, x: Any, survey: Survey
) -> tuple[InputMap, ...]:
    """Divide the survey's squares among the inputs.

    Args:
        meter: the `InputMeter` that measured.
        x: the data, where a DataFrame knows the names of its columns.
        survey: the `Survey`.

    Returns:
        One `InputMap` for each input; inputs of one number each become one
        table.
    """
    named = list(_named_leaves(meter, survey.sample[0]))
    maps, start = [], 0
    for name, shape in named:
        stop = start + math.prod(shape)
        squares = survey.squares[start:stop].reshape(shape)
        deviations = survey.deviations[start:stop].reshape(shape)
        kind = _kind(shape, meter.network.inputs is not None)
        maps.append(
            InputMap(
                name,
                kind,
                squares,
                deviations,
                _columns(x, name if len(named) > 1 else "x", squares, kind),
            )
        )
        start = stop
    if len(maps) > 1 and all(m.squares.size == 1 for m in maps):
        return (
            InputMap(
                "inputs",
                "table",
                np.concatenate([m.squares.ravel() for m in maps]),
                np.concatenate([m.deviations.ravel() for m in maps]),
                tuple(m.name for m in maps),
            ),
        )
    return tuple(maps)


def _named_leaves(meter, x):
    """Yield `(name, shape of one example)` in the order of the squares."""
    point = meter.point(x)
    leaves = keras.tree.flatten(point)
    tensors = getattr(meter.network.model, "inputs", None) or ()
    if meter.network.inputs is not None:
        names = np.atleast_1d(meter.network.inputs).tolist()
    elif isinstance(point, dict):
        names = sorted(point)  # as keras.tree flattens
    elif len(tensors) == len(leaves):
        names = [tensor.name for tensor in tensors]
    else:
        names = [f"input {number}" for number in range(len(leaves))]
    for name, leaf in zip(names, leaves, strict=True):
        yield name, tuple(leaf.shape[1:])


def _kind(shape, is_inner):
    if len(shape) >= 3:
        return "image"
    if len(shape) == 2:
        # (28, 28) is an image without its channel; (100, 3) steps in time.
        is_square = shape[0] == shape[1] >= _SMALLEST_IMAGE
        return "image" if is_square and not is_inner else "sequence"
    return "table"


def _columns(x, name, squares, kind):
    if kind != "table":
        return ()
    if isinstance(x, dict):
        x = x.get(name)
    columns = getattr(x, "columns", None)
    if columns is not None and len(columns) == squares.size:
        return tuple(map(str, columns))
    return tuple(f"{name}[{number}]" for number in range(squares.size))
