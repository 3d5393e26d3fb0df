"""Evaluation of Keras code without its side effects on variables."""

import contextlib

import keras


@contextlib.contextmanager
def discard_updates(values=()):
    """Drop what the block assigns to variables; yields the scope.

    An ordinary `keras.StatelessScope` also hides the values that an outer
    scope holds (on JAX: all weights during training). This one keeps them.
    `values` are pairs of a variable and what it holds in the block instead.
    """
    with _Scope(values, collect_losses=True) as scope:
        yield scope


@contextlib.contextmanager
def delay_updates(values=()):
    """Hold back what the block assigns to variables; yields `make_updates`.

    `make_updates()`, called after the block, assigns it. The block itself
    sees its own assignments, as in `discard_updates`.
    """
    with _Scope(values, collect_losses=True) as scope:
        yield scope.make_updates


class _Scope(keras.StatelessScope):
    """Inherits the outer scope's values, and knows what the block changed."""

    def __enter__(self):
        super().__enter__()
        own, self._assigned = self.state_mapping, {}
        if self.original_scope is not None:
            self.state_mapping = self.original_scope.state_mapping | own
        self._before = dict(self.state_mapping)
        return self

    def add_update(self, update):
        # A variable is a constant for whoever reads it after its update.
        variable, value = update
        super().add_update((variable, keras.ops.stop_gradient(value)))
        self._assigned[id(variable)] = variable

    def get_current_value(self, variable):
        # Keras computes regularization losses from what this returns.
        value = super().get_current_value(variable)
        return variable._value if value is None else value

    def changes(self):
        """Return the new values, by the ids of their variables."""
        return {
            key: value
            for key, value in self.state_mapping.items()
            if self._before.get(key) is not value
        }

    def make_updates(self):
        """Assign the new values in the surrounding scope, or for good."""
        for key, value in self.changes().items():
            if key in self._assigned:
                self._assigned[key].assign(value)
            else:  # JAX: replayed from a pure function, by its id alone
                self.original_scope.state_mapping[key] = value
