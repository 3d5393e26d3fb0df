"""Where a step changes variables in place: look at its first result."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


def supervise(
    model: keras.Model, function: Callable, variable: Any, check: Callable
) -> Callable:
    """Return `function`, whose first result is checked on the host.

    If the function or the check raises, the model is as it was before.

    Args:
        model: `keras.Model`, in training or evaluation.
        function: its train or test function.
        variable: `keras.Variable`, which the first call gives its value.
        check: called with that value, a numpy array.

    Returns:
        A function with the same arguments and results.
    """
    passed = False

    def supervised(*args, **kwargs):
        nonlocal passed
        if passed:
            return function(*args, **kwargs)
        before = [(v, ops.convert_to_numpy(v)) for v in _variables(model)]
        try:
            result = function(*args, **kwargs)
            check(ops.convert_to_numpy(variable))
        except BaseException:
            for v, value in before:
                v.assign(value)
            raise
        passed = True
        return result

    return supervised


def _variables(model):
    optimizer = getattr(model, "optimizer", None)
    own = [] if optimizer is None else optimizer.variables
    return [*model.variables, *own]
