"""Evaluation of Keras code without its side effects on variables."""

import contextlib
from collections.abc import Callable, Iterable, Iterator

import keras

from keras_gc import keras_seam


@contextlib.contextmanager
def discard_updates(values: Iterable = ()) -> Iterator["_Scope"]:
    """Drop what the block assigns to variables; yields the scope.

    An ordinary `keras.StatelessScope` also hides the values that an outer
    scope holds (on JAX: all weights during training). This one keeps them.

    Args:
        values: pairs of a variable and the value that it has in the block.
            Defaults to none.

    Yields:
        The scope; `scope.get_current_value(variable)` is a variable's latest
        value.
    """
    with _Scope(values, collect_losses=True) as scope:
        yield scope


@contextlib.contextmanager
def delay_updates(values: Iterable = ()) -> Iterator[Callable[[], None]]:
    """Hold back what the block assigns to variables; yields `make_updates`.

    `make_updates()`, called after the block, makes the assignments. The block
    itself sees its own assignments, as in `discard_updates`. A variable whose
    value `values` replaces keeps its own: assignments to it are dropped.

    Args:
        values: pairs of a variable and the value that it has in the block.
            Defaults to none.

    Yields:
        The function `make_updates`.
    """
    with _Scope(values, collect_losses=True) as scope:
        yield scope.make_updates


class _Scope(keras_seam.Scope):
    """A scope that inherits the outer one's values and records changes."""

    def __enter__(self):
        super().__enter__()
        own, self._assigned = self.state_mapping, {}
        self._replaced = set(own)
        self.state_mapping = self.outer_values() | own
        self._before = dict(self.state_mapping)
        return self

    def add_update(self, update):
        variable, value = update
        super().add_update((variable, self._as_read_later(variable, value)))
        self._assigned[id(variable)] = variable

    def _as_read_later(self, variable, value):
        """Return an assigned value with the gradient that Keras gives it.

        State (moving means, seeds) is a constant once assigned. A layer may
        also assign a weight and use it, as SpectralNormalization does. In
        Keras's own step on JAX, the gradient then flows through the new
        value. On TensorFlow and torch the gradient at the new value is
        passed to the weight unchanged.
        """
        if not variable.trainable:
            return keras.ops.stop_gradient(value)
        if keras.config.backend() == "jax":
            return value
        weight = keras.ops.convert_to_tensor(self.get_current_value(variable))
        zero = weight - keras.ops.stop_gradient(weight)
        return keras.ops.stop_gradient(value) + zero

    def get_current_value(self, variable):
        # Keras computes regularization losses from what this returns.
        value = super().get_current_value(variable)
        return keras_seam.value_of(variable) if value is None else value

    def changes(self):
        """Return the new values, by the ids of their variables."""
        return dict(self.changed_since(self._before))

    def make_updates(self):
        """Assign the new values in the surrounding scope, or for good."""
        for key, value in self.changes().items():
            if key in self._replaced:
                continue
            if key in self._assigned:
                self._assigned[key].assign(value)
            else:  # JAX: replayed from a pure function, by its id alone
                self.original_scope.state_mapping[key] = value
