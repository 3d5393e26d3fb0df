"""What `compile` is told about geometric complexity."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_gc import _validation, estimators
from keras_gc import heuristics as heuristics_module
from keras_gc.logits.input_scale import InputScale

# GC that is only watched is measured on every so many batches: one forward
# pass and one product of three such, a 24th of a plain step.
_BATCHES_PER_LOOK = 16


@dataclasses.dataclass
class GCSettings:
    """Checked arguments of `GCModel.compile`; see there."""

    gc_weight: float | Callable | keras.Variable = 0.0
    gc_target: float | None = None
    gc_estimator: str | estimators.Estimator = "auto"
    gc_inputs: str | Sequence[str] | None = None
    gc_outputs: str | None = None
    gc_input_scale: Any = None
    gc_fraction: float | str = "auto"
    gc_training: bool = False
    gc_metric: bool | str = "auto"
    heuristics: Sequence = ()

    def __post_init__(self):
        self.gc_weight = check_weight(self.gc_weight)
        is_weightless = isinstance(self.gc_weight, float) and not self.gc_weight
        weight = None if is_weightless else self.gc_weight
        self.gc_target = check_target(self.gc_target, weight)
        if not _validation.is_auto(self.gc_estimator):
            # A copy: models do not share an estimator's state.
            self.gc_estimator = estimators.get(self.gc_estimator).copy()
        if not _validation.is_auto(self.gc_fraction):
            self.gc_fraction = _validation.number(
                "gc_fraction",
                self.gc_fraction,
                minimum=0.0,
                maximum=1.0,
                exclusive=True,
            )
        self.gc_training = _validation.boolean("gc_training", self.gc_training)
        if not _validation.is_auto(self.gc_metric):
            self.gc_metric = _validation.boolean("gc_metric", self.gc_metric)
        self.gc_inputs = _check_names("gc_inputs", self.gc_inputs)
        self.gc_outputs = _check_names("gc_outputs", self.gc_outputs)
        # Plain lists: they are compared, and saved.
        scale = self.input_scale
        self.gc_input_scale = None if scale is None else scale.scale
        self.heuristics = heuristics_module.get_all(self.heuristics)

    @property
    def estimator(self) -> estimators.Estimator:
        """The estimator that training uses."""
        if isinstance(self.gc_estimator, str):  # "auto"
            return estimators.auto.for_penalty()
        return self.gc_estimator

    @property
    def is_asked_for(self) -> bool:
        """Whether GC was asked for, by a metric or how it is to be computed.

        Else it is shown where it can be measured, and no harm is done where
        it cannot.
        """
        untouched = GCSettings()
        names = (
            "gc_estimator",
            "gc_inputs",
            "gc_outputs",
            "gc_input_scale",
            "gc_fraction",
        )
        return self.gc_metric is True or any(
            getattr(self, name) != getattr(untouched, name) for name in names
        )

    @functools.cached_property
    def input_scale(self) -> InputScale | None:
        """Units of the inputs, if they were given."""
        if self.gc_input_scale is None:
            return None
        return InputScale(self.gc_input_scale, "gc_input_scale")

    @property
    def batches_per_look(self) -> int:
        """GC that is only watched is measured on every so many batches.

        Who names an estimator gets it on all of them, unless told otherwise.
        """
        if isinstance(self.gc_fraction, str):  # "auto"
            return _BATCHES_PER_LOOK if self.gc_estimator == "auto" else 1
        return max(1, round(1 / self.gc_fraction))

    @property
    def share_of_penalty(self) -> float:
        """Share of each batch that the penalty is computed on."""
        if isinstance(self.gc_fraction, str):  # "auto"
            return 1.0
        return self.gc_fraction

    def serialize(self) -> dict[str, Any]:
        """Return a dict of serialized arguments, those at default left out."""
        changed = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is not field.default
            and getattr(self, field.name) != field.default
        }
        return {
            name: keras.saving.serialize_keras_object(
                float(ops.convert_to_numpy(value))
                if isinstance(value, keras.Variable)
                else value
            )
            for name, value in changed.items()
        }


def _check_names(argument, names):
    """Return the name of a layer, or a list of names, or raise."""
    listed = names if isinstance(names, list | tuple) else [names]
    if names is None or all(isinstance(name, str) for name in listed):
        return names
    raise TypeError(
        f"`{argument}` must be the name of a layer (`gc_inputs`: or a list of "
        f"names). Received: {argument}={_validation.shown(names)} (of type "
        f"{type(names).__name__})"
    )


def check_weight(weight: Any) -> Any:
    """Return a weight as a float; a schedule or a variable as it is.

    Args:
        weight: float >= 0, a `keras.Variable`, or a function `step -> weight`.

    Returns:
        The same.
    """
    if isinstance(weight, keras.Variable) or callable(weight):
        return weight
    return _validation.number("gc_weight", weight, minimum=0.0)


def check_target(target: Any, weight: Any) -> float | None:
    """Return a target as a float, or None.

    Args:
        target: float > 0, or None.
        weight: the weight given beside it, or None.

    Returns:
        The same.

    Raises:
        TypeError: if the target is not a number.
        ValueError: if it is not finite and positive, or a weight is given too.
    """
    if target is None:
        return None
    target = _validation.number("gc_target", target, minimum=0, exclusive=True)
    if weight is not None:
        raise ValueError(
            "Give `gc_weight` or `gc_target`, not both: with a target the "
            "weight follows by itself. Received: gc_weight="
            f"{_validation.shown(weight)}, gc_target={target}"
        )
    return target


def scheduled_weight(schedule: Callable, step: Any) -> Any:
    """Return the weight of a step, as a tensor.

    Args:
        schedule: function `step -> weight`.
        step: int tensor.

    Returns:
        A scalar tensor.

    Raises:
        ValueError: if the schedule fails for a step that is traced, or does
            not return a number.
    """
    try:
        weight = schedule(step)
    except Exception as error:  # of the user's function
        raise ValueError(
            "A schedule given as `gc_weight` must take one step, a tensor, and "
            "return a weight. A Python `if` cannot look at a tensor while the "
            "train step is compiled: write `keras.ops.where(step < 100, 0.0, "
            f"1e-3)`. Received: gc_weight={_validation.shown(schedule)}, which "
            f"raised {type(error).__name__}: {error}"
        ) from error
    if isinstance(weight, str | bytes | list | tuple | dict | type(None)):
        raise ValueError(
            "A schedule given as `gc_weight` must return a number. Received: "
            f"{_validation.shown(weight)}"
        )
    if isinstance(weight, int | float) and not isinstance(weight, bool):
        _refuse_if_constant(schedule, weight)
    return ops.convert_to_tensor(weight)


def _refuse_if_constant(schedule, weight):
    """Refuse a Python number that came from outside of the function.

    A compiled step would keep it for ever.

    Raises:
        ValueError: if the function reads anything but functions and modules.
    """
    if not inspect.isfunction(schedule):
        return
    outside = inspect.getclosurevars(schedule)
    values = [*outside.nonlocals.values(), *outside.globals.values()]
    if all(callable(v) or inspect.ismodule(v) for v in values):
        return
    raise ValueError(
        "A schedule given as `gc_weight` is read once, when the train step is "
        "compiled, and a Python number that it returns would never change. "
        "For a weight that a callback changes, pass a `keras.Variable` as "
        "`gc_weight` and assign to it. Received: a function that returned the "
        f"number {_validation.shown(weight)}"
    )


def variables_in(weight: Any) -> list[keras.Variable]:
    """Return the variables that a weight is, or that a schedule reads.

    Args:
        weight: float, `keras.Variable` or schedule.

    Returns:
        List of `keras.Variable`.
    """
    if isinstance(weight, keras.Variable):
        return [weight]
    if inspect.isfunction(weight):
        outside = inspect.getclosurevars(weight)
        values = [*outside.nonlocals.values(), *outside.globals.values()]
    else:
        values = list(getattr(weight, "__dict__", {}).values())
    return [v for v in values if isinstance(v, keras.Variable)]
