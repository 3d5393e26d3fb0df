"""Stateful Keras code as a pure function: its updates are returned."""

from keras_gc import keras_seam
from keras_gc.backend.scope import discard_updates


def pure(fn):
    """Return `x -> (outputs, (aux, updates))` of `outputs, aux = fn(x)`."""

    def wrapper(x):
        with discard_updates() as scope:
            outputs, aux = fn(x)
        return outputs, (aux, scope.changes())

    return wrapper


def replay(updates):
    """Make the updates of a pure function in the surrounding scope.

    Outside of any scope they are dropped: measuring changes no model.
    """
    keras_seam.put_values(updates)
