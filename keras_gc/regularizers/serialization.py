"""From a name, a class or a config to a regularizer."""

import inspect
from typing import Any

import keras

from keras_gc.regularizers.spectral_norm import SpectralNorm

_BY_NAME = {"spectral_norm": SpectralNorm, "SpectralNorm": SpectralNorm}


def get(identifier: Any) -> Any:
    """Return the regularizer that `identifier` names.

    A layer looks strings up in Keras's own table, which no one else can
    extend, so `kernel_regularizer="spectral_norm"` is an error of Keras. Give
    the layer `keras_gc.regularizers.get("spectral_norm")`, an instance, or a
    config: `{"class_name": "keras_gc>SpectralNorm", "config": {}}`.

    Args:
        identifier: `None`, a name (`"spectral_norm"`, or Keras's own such as
            `"l2"`), a config of `keras.regularizers.serialize`, a class, an
            instance, or a function of the kernel.

    Returns:
        A regularizer, with default arguments if it was a name or a class;
        `None` for `None`.

    Raises:
        ValueError: If nothing goes by that name.

    Example:
    >>> get("spectral_norm").get_config()
    {'strength': 0.01, 'power_iterations': 64, 'conv': 'reshape'}
    """
    if isinstance(identifier, str) and identifier in _BY_NAME:
        return _BY_NAME[identifier]()
    try:
        return keras.regularizers.get(identifier)
    except ValueError as error:
        if not isinstance(identifier, str):
            raise
        raise ValueError(
            f"`identifier` must be one of {_names()}, a config, a class or "
            f"an instance. Received: identifier={identifier!r}"
        ) from error


def _names() -> list[str]:
    base = keras.regularizers.Regularizer
    of_keras = {
        value.__name__
        for value in vars(keras.regularizers).values()
        if inspect.isclass(value) and issubclass(value, base)
    }
    return ["spectral_norm", *sorted(of_keras - {base.__name__})]
