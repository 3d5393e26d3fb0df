"""GC of the examples of a batch, as sums that replicas can add up."""

import typing
from typing import Any

from keras import ops

from keras_gc import backend


class BatchGC(typing.NamedTuple):
    """GC of the examples of a batch.

    Attributes:
        values: `(batch,)`, squared Jacobian norms.
        weights: `(batch,)` sample weights, or None.
    """

    values: Any
    weights: Any

    @property
    def weighted_sum(self) -> Any:
        """This replica's sum of weighted values."""
        if self.weights is None:
            return ops.sum(self.values)
        return ops.sum(ops.cast(self.weights, self.values.dtype) * self.values)

    @property
    def sum_of_weights(self) -> Any:
        """This replica's sum of weights."""
        if self.weights is None:
            return ops.sum(ops.ones_like(self.values))
        return ops.sum(ops.cast(self.weights, self.values.dtype))

    @property
    def sums(self) -> tuple:
        """`weighted_sum` and `sum_of_weights`, in float32 for a metric."""
        parts = (self.weighted_sum, self.sum_of_weights)
        return tuple(ops.cast(part, "float32") for part in parts)

    @property
    def mean(self) -> Any:
        """This replica's share of the weighted mean over the global batch."""
        total = backend.replica_sum(self.sum_of_weights)
        return ops.divide_no_nan(self.weighted_sum, total)
