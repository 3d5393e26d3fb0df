"""From a name, a config, a class or an instance to an object."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from keras_gc import _validation


def from_identifier(
    identifier: Any,
    base: type,
    known: Mapping[str, type],
    kind: str,
) -> Any:
    """Return the object that an identifier stands for.

    Args:
        identifier: a name in `known`, a serialized config, a subclass of
            `base` that needs no argument, or an instance of it.
        base: the class that the result must be of.
        known: dict from names to subclasses of `base`.
        kind: what such an object is called in errors, with its article: "an
            estimator".

    Returns:
        An instance of `base`.

    Raises:
        ValueError: if the name is unknown, an argument is missing, or Keras
            cannot make an object of the config.
        TypeError: if the identifier is none of these.
    """
    if isinstance(identifier, dict):
        identifier = _from_config(identifier, kind)
    if isinstance(identifier, str):
        if identifier not in known:
            raise ValueError(
                f"`{kind.split()[-1]}` must be one of {sorted(known)}, a "
                "config, a class or an instance. Received: "
                f"{kind.split()[-1]}={_validation.shown(identifier)}"
            )
        identifier = known[identifier]
    if inspect.isclass(identifier) and issubclass(identifier, base):
        identifier = _without_arguments(identifier)
    if not isinstance(identifier, base):
        raise TypeError(
            f"{kind.capitalize()} must be a name, a config, a subclass or an "
            f"instance of `{_public_name(base)}`. Received: "
            f"{_validation.shown(identifier)} "
            f"(of type {type(identifier).__name__})"
        )
    return identifier


def _from_config(config, kind):
    try:
        return keras.saving.deserialize_keras_object(config)
    except Exception as error:  # Keras names no types
        raise ValueError(
            f"The config of {kind} must be one that `keras.saving."
            "serialize_keras_object` returns. Received: "
            f"{_validation.shown(config)}, of which Keras says: "
            f"{type(error).__name__}: {_validation.shown(str(error))}"
        ) from error


def _without_arguments(cls):
    missing = [
        p.name
        for p in inspect.signature(cls).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    if missing:
        raise ValueError(
            f"`{cls.__name__}` needs an argument. Give an instance: "
            f"`{_public_name(cls)}({missing[0]}=...)`. Received: "
            f"{cls.__name__} without {missing[0]}"
        )
    return cls()


def _public_name(cls):
    """Return the class's name where the package shows it."""
    room, _, _ = cls.__module__.rpartition(".")
    return f"{room}.{cls.__name__}"
