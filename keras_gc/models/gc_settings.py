"""What `compile` is told about geometric complexity."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
from keras import ops

from keras_gc import _validation, estimators
from keras_gc import heuristics as heuristics_module


@dataclasses.dataclass
class GCSettings:
    """Checked arguments of `GCModel.compile`; see there."""

    gc_weight: float | Callable = 0.0
    gc_estimator: str | estimators.Estimator = "auto"
    gc_inputs: str | None = None
    gc_outputs: str | None = None
    gc_fraction: float = 1.0
    gc_training: bool = False
    gc_metric: bool = True
    heuristics: Sequence = ()

    def __post_init__(self):
        self.gc_weight = check_weight(self.gc_weight)
        if self.gc_estimator != "auto":
            self.gc_estimator = estimators.get(self.gc_estimator)
        self.gc_fraction = _validation.number(
            "gc_fraction",
            self.gc_fraction,
            minimum=0.0,
            maximum=1.0,
            exclusive=True,
        )
        self.gc_training = bool(self.gc_training)
        self.gc_metric = bool(self.gc_metric)
        self.heuristics = heuristics_module.get_all(self.heuristics)

    @property
    def estimator(self):
        """The estimator that training uses."""
        if self.gc_estimator == "auto":
            return estimators.Hutchinson()
        return self.gc_estimator

    def serialize(self):
        """Return a dict of serialized arguments, those at default left out."""
        changed = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }
        return {
            name: keras.saving.serialize_keras_object(value)
            for name, value in changed.items()
        }


def check_weight(weight):
    """Return a weight as a float, or a schedule as it is.

    Args:
        weight: float >= 0, or a function `step -> weight`.

    Returns:
        The same.
    """
    if callable(weight):
        return weight
    return _validation.number("gc_weight", weight, minimum=0.0)


def scheduled_weight(schedule, step):
    """Return the weight of a step, as a tensor.

    Args:
        schedule: function `step -> weight`.
        step: int tensor.

    Returns:
        A scalar tensor.

    Raises:
        ValueError: if the schedule does not take a step that is traced.
    """
    try:
        return ops.convert_to_tensor(schedule(step))
    except TypeError as error:
        raise ValueError(
            "A schedule given as `gc_weight` must take one step, a tensor, and "
            "return a weight. A Python `if` cannot look at a tensor while the "
            "train step is compiled: write `keras.ops.where(step < 100, 0.0, "
            f"1e-3)`. Received: gc_weight={schedule}, which raised: {error}"
        ) from error
