"""Heuristics by name, config, class or instance."""

import inspect

import keras

from keras_gc.heuristics.gradient_penalty import GradientPenalty
from keras_gc.heuristics.heuristic import Heuristic
from keras_gc.heuristics.input_noise import InputNoise
from keras_gc.heuristics.label_noise import LabelNoise
from keras_gc.heuristics.sam import SAM
from keras_gc.heuristics.weight_noise import WeightNoise

_HEURISTICS = {
    "sam": SAM,
    "gradient_penalty": GradientPenalty,
    "input_noise": InputNoise,
    "label_noise": LabelNoise,
    "weight_noise": WeightNoise,
}


def get(identifier) -> Heuristic:
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
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, str):
        if identifier not in _HEURISTICS:
            raise ValueError(
                f"Unknown heuristic. Known: {sorted(_HEURISTICS)}, or an "
                "instance of a `keras_gc.heuristics.Heuristic`. Received: "
                f"{identifier!r}"
            )
        identifier = _HEURISTICS[identifier]
    if inspect.isclass(identifier) and issubclass(identifier, Heuristic):
        identifier = _without_arguments(identifier)
    if not isinstance(identifier, Heuristic):
        raise TypeError(
            "A heuristic must be a name, a config, a subclass or an instance "
            f"of `keras_gc.heuristics.Heuristic`. Received: {identifier!r} "
            f"(of type {type(identifier).__name__})"
        )
    return identifier


def get_all(identifiers) -> tuple[Heuristic, ...]:
    """Return the heuristics of a step.

    Any of them go together, and their order does not matter. Of each kind
    there can be one: two strengths of the same would be one other strength,
    or (SAM at the neighbour of a neighbour) nothing that a paper describes.

    Args:
        identifiers: list or tuple of what `get` takes.

    Returns:
        A tuple of `Heuristic` instances.

    Raises:
        TypeError: if this is not a list, or an element of it is none of what
            `get` takes.
        ValueError: if a name is unknown, or there are two of a kind.

    Example:
    >>> import keras_gc
    >>> keras_gc.heuristics.get_all(["sam"])
    (SAM(rho=0.05),)
    """
    if not isinstance(identifiers, list | tuple):
        raise TypeError(
            "`heuristics` must be a list of `keras_gc.heuristics`. Received: "
            f"heuristics={identifiers!r} (of type {type(identifiers).__name__})"
        )
    heuristics = tuple(get(identifier) for identifier in identifiers)
    for index, one in enumerate(heuristics):
        for other in heuristics[:index]:
            if isinstance(one, type(other)) or isinstance(other, type(one)):
                raise ValueError(
                    "`heuristics` must hold at most one of each kind. Give "
                    "one of the strength you mean. Received: "
                    f"{other!r} and {one!r}"
                )
    return heuristics


def _without_arguments(cls):
    parameters = inspect.signature(cls).parameters.values()
    missing = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    if missing:
        raise ValueError(
            f"`{cls.__name__}` has no default strength. Give an instance: "
            f"`keras_gc.heuristics.{cls.__name__}({missing[0]}=...)`. "
            f"Received: {cls.__name__} without {missing[0]}"
        )
    return cls()
