"""The weight that follows a target of GC by itself."""

import warnings
from typing import Any

import keras
from keras import ops

from keras_gc.models.step_metric import StepMetric

# What a batch adds to the running means is half forgotten after seven updates
# of the model's weights.
_KEPT = 0.9
# Exponents of r in the law below. Larger ones follow the noise of single
# batches: GC then swings where the network learns fast, and it learns less.
_RATE = 0.02
_HASTE = 0.5
# A ratio beyond this tells no more than that GC is far off.
_LARGEST_RATIO = 4.0
# Shares of the loss that the penalty makes up when it sets in, and at which it
# is let go. Where training has settled it is of the order of the loss.
_FIRST_SHARE = 0.3
_LAST_SHARE = 1e-3
# Shorter epochs are too noisy to tell that training is ruined.
_FEWEST_BATCHES = 20


class GCTarget(StepMetric):
    """Holds GC at or below a target; as a metric, the mean weight of an epoch.

    With r = GC / target, of a running mean over the last batches and between
    1/4 and 4, each update of the model's weights sets

        ascent = ascent * r^0.02
        weight = ascent * r^0.5

    The first line is dual ascent on the log of the weight: it rests where GC
    is the target on average. The second lets the weight of the next step give
    way at once, so that GC, which follows the weight late, does not swing
    about the target. As long as the constraint holds by itself the weight is
    0. When it is broken, the penalty begins at 0.3 times the loss, near to
    where it ends; below a thousandth, with GC below the target, it is let go.
    """

    def __init__(self):
        super().__init__(name="gc_weight", dtype="float32")
        self.target = self._scalar("target")
        self.weight = self._scalar("weight")
        self.ascent = self._scalar("ascent")
        # Sums over the past, in which each batch counts less than the next.
        self.recent_gc = self._scalar("recent_gc")
        self.recent_loss = self._scalar("recent_loss")
        self.recent_batches = self._scalar("recent_batches")
        self.epoch_loss = self._scalar("epoch_loss")
        self.has_warned = False
        self._epochs: tuple = ()  # loss and weight of those before, up to three

    def _scalar(self, name):
        return self.add_variable(
            (), "zeros", dtype="float32", aggregation="mean", name=name
        )

    def follow(self, gc: Any, loss: Any, batches_per_update: int = 1) -> None:
        """Set the weight of the next step.

        Args:
            gc: scalar tensor, GC of the whole batch.
            loss: scalar tensor, its loss with the penalty.
            batches_per_update: int, batches whose gradients an optimizer
                accumulates before it updates the model's weights. Defaults
                to 1.
        """
        gc, loss = (
            ops.stop_gradient(ops.cast(v, "float32")) for v in (gc, loss)
        )
        weight = ops.convert_to_tensor(self.weight)
        loss = loss - weight * gc
        self.epoch_loss.assign_add(loss)
        self.total.assign_add(weight)
        self.count.assign_add(ops.ones(()))
        # A batch that overflows says nothing about the next ones.
        usable = ops.logical_and(ops.isfinite(gc), ops.isfinite(loss))
        gc, loss = self._recent(gc, loss, usable, batches_per_update)
        self._ascend(gc, loss, batches_per_update)

    def _recent(self, gc, loss, usable, batches_per_update):
        """Return running means of GC and of the loss's size."""
        kept = _KEPT ** (1 / batches_per_update)

        def add(variable, value):
            old = ops.convert_to_tensor(variable)
            new = ops.where(usable, kept * old + value, old)
            variable.assign(new)
            return new

        batches = add(self.recent_batches, 1.0)
        totals = add(self.recent_gc, gc), add(self.recent_loss, ops.abs(loss))
        return tuple(ops.divide_no_nan(total, batches) for total in totals)

    def _ascend(self, gc, loss, batches_per_update):
        ratio = gc / self.target
        ratio = ops.clip(ratio, 1 / _LARGEST_RATIO, _LARGEST_RATIO)
        old = ops.convert_to_tensor(self.ascent)
        first = _FIRST_SHARE * ops.divide_no_nan(loss, gc)
        new = ops.where(
            old > 0,
            old * ops.power(ratio, _RATE / batches_per_update),
            ops.where(ratio > 1, first, 0.0),
        )
        is_idle = ops.logical_and(ratio < 1, new * gc < _LAST_SHARE * loss)
        new = ops.where(is_idle, 0.0, new)
        self.ascent.assign(new)
        self.weight.assign(new * ops.power(ratio, _HASTE))

    def reset_state(self) -> None:
        """Forget the epoch, and nothing that the weight follows from."""
        for variable in (self.total, self.count, self.epoch_loss):
            variable.assign(ops.zeros(()))

    def look_back(self) -> None:
        """Between epochs, say once if the penalty ruins training.

        That is: in three epochs in a row the loss, penalty apart, has not
        fallen, while the weight has risen by a tenth or more, and GC is still
        a tenth or more above the target.
        """
        count = _number(self.count)
        if count < _FEWEST_BATCHES or self.has_warned:
            return
        now = _number(self.epoch_loss) / count, _number(self.total) / count
        target = _number(self.target)
        gc = _number(self.recent_gc) / max(_number(self.recent_batches), 1e-9)
        epochs = (*self._epochs, now)
        self._epochs = epochs[-3:]
        if (
            len(epochs) == 4
            and gc > 1.1 * target
            and all(
                loss >= loss_before and weight > 1.1 * weight_before
                for (loss_before, weight_before), (loss, weight) in zip(
                    epochs, epochs[1:], strict=False
                )
            )
        ):
            self.has_warned = True
            warnings.warn(
                f"To hold GC at `gc_target={target:g}`, the weight of its "
                f"penalty rose to {now[1]:.3g}, and the loss (without the "
                f"penalty) has stopped falling at {now[0]:.3g}. This target "
                "may cost the model what it learns: its outputs become the "
                "same for all inputs. Choose a larger `gc_target`, or train "
                "without one first and look at `gc` to find what is usual for "
                "this model; a smaller learning rate also helps if GC jumps "
                "about.",
                stacklevel=2,
            )

    @property
    def saved(self) -> list[keras.Variable]:
        """What the weight follows from."""
        recent = (self.recent_gc, self.recent_loss, self.recent_batches)
        return [self.weight, self.ascent, *recent]


def _number(variable):
    return float(ops.convert_to_numpy(variable))
