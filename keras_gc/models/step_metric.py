"""A metric that a train step fills, and whose state is saved with a model."""

from typing import Any

import keras
from keras import ops


class StepMetric(keras.metrics.Mean):
    """A weighted mean over an epoch. What is `saved` outlives the epoch."""

    @property
    def saved(self) -> list[keras.Variable]:
        """The variables that a saved model goes on from."""
        return []

    def add(self, total: Any, count: Any) -> None:
        """Take in a weighted sum of values and the sum of their weights."""
        self.total.assign_add(ops.cast(total, "float32"))
        self.count.assign_add(ops.cast(count, "float32"))

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: a train step of one's own gives labels to all metrics.

        Args:
            *args: anything.
            **kwargs: anything.
        """

    def save_own_variables(self, store: Any) -> None:
        """Save what is `saved`."""
        for index, variable in enumerate(self.saved):
            store[str(index)] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store: Any) -> None:
        """Load it, if it was saved: a plain model's file has none."""
        if len(store.keys()) != len(self.saved):
            return
        for index, variable in enumerate(self.saved):
            variable.assign(store[str(index)])
