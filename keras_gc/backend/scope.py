"""Evaluation of Keras code without its side effects on variables."""

import contextlib

import keras


@contextlib.contextmanager
def discard_updates():
    """Drop what the block assigns to variables; yields the scope.

    An ordinary `keras.StatelessScope` also hides the values that an outer
    scope holds (on JAX: all weights during training). This one keeps them.
    """
    with keras.StatelessScope(collect_losses=True) as scope:
        if scope.original_scope is not None:
            scope.state_mapping.update(scope.original_scope.state_mapping)
        yield scope
