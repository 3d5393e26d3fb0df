"""GC that is measured beside Keras's own step, which is left as it is."""

import contextlib
from collections.abc import Iterator
from typing import Any

from keras import ops

from keras_gc import backend
from keras_gc.backend.scope import discard_updates
from keras_gc.logits.evaluation_point import has_fixed_batch


class Watch:
    """Measures GC of batches on their way to `keras.Model`'s own step.

    Args:
        step: the `GCStep`.
    """

    def __init__(self, step: Any):
        self.step = step
        self.batches = 0  # since the epoch began
        self.is_due: bool | None = None  # None: the step itself must count

    @property
    def looks(self) -> bool:
        """Whether this batch is measured, or the step finds out."""
        return self.step.is_watched and self.is_due is not False

    @property
    def takes_turns(self) -> bool:
        """Whether the host can choose, for each batch, if it is measured."""
        is_alone = self.step.model.steps_per_execution == 1
        return is_alone and self.step.settings.batches_per_look > 1

    @contextlib.contextmanager
    def turn(self) -> Iterator[bool]:
        """In the block one batch is taken, which is measured or is not."""
        settings = self.step.settings
        self.is_due = self.batches % settings.batches_per_look == 0
        try:
            yield self.is_due
        finally:
            self.is_due, self.batches = None, self.batches + 1

    def in_training(self, data: Any) -> None:
        """Measure some batches, the first of an epoch among them."""
        tracker, settings = self.step.tracker, self.step.settings
        self._measure(data, settings.batches_per_look, tracker.seed)

    def in_evaluation(self, data: Any) -> None:
        """Measure each batch, with the same random numbers each time."""
        self._measure(data, 1, self.step.tracker.evaluation_seed)

    def _measure(self, data, batches_per_look, seed):
        step = self.step
        step.has_stepped = True
        x, _, sample_weight = step.unpack(data)
        try:
            sums = self._look(x, sample_weight, batches_per_look, seed)
            step.first_batch.note(x)
        except Exception as error:
            if step.is_asked_for:
                raise
            step.give_up(error)  # and train as keras.Model does
            return
        step.tracker.add(*sums)

    def _look(self, x, sample_weight, batches_per_look, seed):
        """Return the weighted sum of GC over a batch, and of its weights."""
        measure, tracker = self.step.measure, self.step.tracker
        if batches_per_look == 1 or self.is_due:
            return measure(x, sample_weight, seed).sums
        if backend.num_replicas() > 1:
            # Replicas must not talk to each other in a branch of a condition.
            fixed = has_fixed_batch(self.step.model)
            share = 1.0 if fixed else 1 / batches_per_look
            return measure(x, sample_weight, seed, share).sums
        # Slow under XLA, even where the condition does not hold.
        state = [seed.state, *tracker.estimator.variables]

        def in_this_batch():
            with discard_updates() as scope:
                sums = measure(x, sample_weight, seed).sums
            return *sums, *(scope.get_current_value(v) for v in state)

        def not_in_this_batch():
            kept = (ops.convert_to_tensor(v) for v in state)
            return ops.zeros(()), ops.zeros(()), *kept

        is_due = ops.equal(tracker.batches % batches_per_look, 0)
        total, count, *new = ops.cond(is_due, in_this_batch, not_in_this_batch)
        for variable, value in zip(state, new, strict=True):
            variable.assign(value)
        tracker.batches.assign(tracker.batches + 1)
        return total, count
