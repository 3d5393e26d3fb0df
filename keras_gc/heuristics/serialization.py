"""Heuristics by name, config, class or instance."""

from typing import Any

from keras_gc import _validation
from keras_gc.heuristics.gradient_penalty import GradientPenalty
from keras_gc.heuristics.heuristic import Heuristic
from keras_gc.heuristics.input_noise import InputNoise
from keras_gc.heuristics.label_noise import LabelNoise
from keras_gc.heuristics.sam import SAM
from keras_gc.heuristics.weight_noise import WeightNoise
from keras_gc.serialization import from_identifier

_HEURISTICS = {
    "sam": SAM,
    "gradient_penalty": GradientPenalty,
    "input_noise": InputNoise,
    "label_noise": LabelNoise,
    "weight_noise": WeightNoise,
}


def get(identifier: Any) -> Heuristic:
    """Return a heuristic.

    Args:
        identifier: name or subclass of `Heuristic` where no argument is needed
            (`"sam"`), a serialized config, or an instance.

    Returns:
        A `Heuristic` instance.

    Raises:
        ValueError: if the name is unknown, or an argument is missing.
        TypeError: if the identifier is none of these.

    Example:
    >>> import keras_gc
    >>> keras_gc.heuristics.get("sam")
    SAM(rho=0.05)
    """
    return from_identifier(identifier, Heuristic, _HEURISTICS, "a heuristic")


def get_all(identifiers: Any) -> tuple[Heuristic, ...]:
    """Return the heuristics of a step.

    Heuristics combine freely and in any order, but each kind may appear once:
    two `InputNoise` equal one with a larger `stddev`, and SAM inside SAM is no
    published method.

    Args:
        identifiers: list or tuple of what `get` takes.

    Returns:
        A tuple of `Heuristic` instances, in the order in which they wrap the
        gradients.

    Raises:
        TypeError: if this is not a list, or `get` does not take an element
            of it.
        ValueError: if a name is unknown, or there are two of a kind.

    Example:
    >>> import keras_gc
    >>> keras_gc.heuristics.get_all(["sam"])
    (SAM(rho=0.05),)
    """
    if not isinstance(identifiers, list | tuple):
        raise TypeError(
            "`heuristics` must be a list of `keras_gc.heuristics`. Received: "
            f"heuristics={_validation.shown(identifiers)} "
            f"(of type {type(identifiers).__name__})"
        )
    heuristics = tuple(get(identifier) for identifier in identifiers)
    for index, one in enumerate(heuristics):
        for other in heuristics[:index]:
            if isinstance(one, type(other)) or isinstance(other, type(one)):
                raise ValueError(
                    "`heuristics` must hold at most one of each kind. Give "
                    "one of the strength you mean. Received: "
                    f"{_validation.shown(other)} and {_validation.shown(one)}"
                )
    return tuple(sorted(heuristics, key=lambda h: h.is_outermost))
