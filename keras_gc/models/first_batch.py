"""What the first batch shows about a model, and what the host says to it."""

import warnings
from typing import Any

from keras import ops

from keras_gc.backend.scope import discard_updates
from keras_gc.logits.facts import Facts, as_facts, check_facts


class FirstBatch:
    """Notes facts inside the step; the host reads them after it.

    Args:
        step: the `GCStep`.
    """

    def __init__(self, step: Any):
        self.step = step
        self.was_read = False

    def note(self, x: Any) -> None:
        """Look at the model's outputs, in the first batch alone.

        Args:
            x: the model's input, tensors.
        """
        if self.was_read:
            return
        facts = self.step.tracker.facts

        def look():
            with discard_updates():
                return Facts.of(self.step.network, x).stack()

        def keep():
            return ops.convert_to_tensor(facts)

        facts.assign(ops.cond(ops.equal(facts[0], 0), look, keep))

    def read(self, facts: Any) -> None:
        """Check, on the host, what was noted.

        Args:
            facts: numpy array, the value of `tracker.facts`.

        Raises:
            ValueError: if GC was asked for and is not what it says.
        """
        facts, step = as_facts(facts), self.step
        if not facts.seen:
            return
        try:
            check_facts(facts, step.network, step.model.loss)
        except ValueError as error:
            if step.is_asked_for:
                raise
            step.give_up(error)
        self.was_read = True

    def check_own_step(self) -> None:
        """Warn if a user's train step left GC out."""
        step = self.step
        if step.has_stepped or step.obstacle is not None:
            return
        step.has_stepped = True  # said once
        warnings.warn(
            f"`{type(step.model).__name__}.train_step` does not call "
            "`super().train_step(...)`, where GC is measured and penalised "
            "and heuristics act: `gc` is 0 and `gc_weight` without effect. "
            "Call it, or add `self.gc_loss(x)` to the loss, or compile with "
            "`gc_metric=False` and without `gc_weight` and `heuristics`.",
            stacklevel=2,
        )
