"""How strongly GC is penalised: by a weight, or as a target asks for."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from keras_gc import backend
from keras_gc.models.batch_gc import BatchGC
from keras_gc.models.gc_settings import (
    GCSettings,
    check_target,
    check_weight,
    scheduled_weight,
    variables_in,
)
from keras_gc.models.gc_tracker import GCTracker


class Penalty:
    """The weight of GC in the loss: what `fit` says, or else `compile`.

    Args:
        settings: what `compile` was told.
        tracker: holds the state.
    """

    def __init__(self, settings: GCSettings, tracker: GCTracker):
        self._of_compile = settings.gc_weight, settings.gc_target
        self._of_fit: tuple | None = None
        self._tracker = tracker

    @contextlib.contextmanager
    def of_fit(self, weight: Any, target: Any) -> Iterator[None]:
        """In the block a weight or a target holds instead of `compile`'s.

        Args:
            weight: None, or as `check_weight` takes it.
            target: None, or as `check_target` takes it.

        Yields:
            None.
        """
        if weight is None and target is None:
            given = None
        else:
            target = check_target(target, weight)
            given = check_weight(0.0 if weight is None else weight), target
        self._of_fit = given
        try:
            yield
            self.look_back()
        finally:
            self._of_fit = None
            self.prepare()

    @property
    def weight_in_force(self) -> Any:
        """The number, variable or schedule of now, where there is no target."""
        return (self._of_fit or self._of_compile)[0]

    @property
    def target_in_force(self) -> float | None:
        """The target of now, if there is one."""
        return (self._of_fit or self._of_compile)[1]

    @property
    def has_target(self) -> bool:
        """Whether the weight follows from a target."""
        return self.target_in_force is not None

    @property
    def has_schedule(self) -> bool:
        """Whether the weight is a function of the step."""
        weight = self.weight_in_force
        return callable(weight) and not isinstance(weight, keras.Variable)

    @property
    def is_on(self) -> bool:
        """Whether GC is part of the loss."""
        return self.form is not False

    @property
    def form(self) -> Any:
        """What a train step is traced for; within it, numbers may change."""
        if self.has_target:
            return self._tracker.target
        weight = self.weight_in_force
        return weight > 0 if isinstance(weight, float) else weight

    def prepare(self) -> None:
        """Write the numbers where a traced step reads them."""
        weight = self.weight_in_force
        self._tracker.weight_variables = variables_in(weight)
        if self.has_target:
            self._tracker.target.target.assign(self.target_in_force)
        elif isinstance(weight, float):
            self._tracker.weight.assign(weight)

    def weight(self, optimizer: Any) -> Any:
        """Return the weight of this step, a scalar tensor.

        Args:
            optimizer: the model's, which counts the steps of a schedule.
        """
        weight = self.weight_in_force
        if self.has_target:
            return ops.convert_to_tensor(self._tracker.target.weight)
        if isinstance(weight, keras.Variable):
            return ops.convert_to_tensor(weight)
        if self.has_schedule:
            return scheduled_weight(weight, optimizer.iterations)
        return ops.convert_to_tensor(self._tracker.weight)

    def follow(self, gc: BatchGC, loss: Any, optimizer: Any) -> None:
        """Let the weight follow, all replicas' alike, where there is a target.

        Args:
            gc: GC of the batch.
            loss: this replica's share of the loss, with the penalty.
            optimizer: the model's optimizer.
        """
        if not self.has_target:
            return
        total, count, loss = backend.replica_sum([
            *gc.sums,
            ops.cast(loss, "float32"),
        ])
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        steps = getattr(optimizer, "gradient_accumulation_steps", None) or 1
        mean = ops.divide_no_nan(total, count)
        self._tracker.target.follow(mean, loss, steps)

    def look_back(self) -> None:
        """Between epochs, say once if the penalty ruins training."""
        if self.has_target:
            self._tracker.target.look_back()
