"""Regularizers by name, config, class or instance."""

import inspect
from typing import Any

import keras

from keras_gc.regularizers.spectral_norm import SpectralNorm
from keras_gc.serialization import from_identifier


def get(identifier: Any) -> Any:
    """Return the regularizer that `identifier` names.

    A layer looks strings up in Keras's own table, which cannot be extended, so
    Keras refuses `kernel_regularizer="spectral_norm"`. Give the layer
    `keras_gc.regularizers.get("spectral_norm")`, an instance, or a config:
    `{"class_name": "keras_gc>SpectralNorm", "config": {}}`.

    Args:
        identifier: `None`, a name (`"spectral_norm"`, or Keras's own such as
            `"l2"`), a config of `keras.regularizers.serialize`, a class, an
            instance, or a function of the kernel.

    Returns:
        A regularizer, with default arguments if it was a name or a class;
        `None` for `None`.

    Raises:
        ValueError: if nothing has that name.

    Example:
    >>> get("spectral_norm").get_config()
    {'strength': 0.01, 'power_iterations': 12, 'conv': 'reshape'}
    """
    try:
        return keras.regularizers.get(identifier)
    except ValueError:
        if not isinstance(identifier, str):
            raise
    base = keras.regularizers.Regularizer
    return from_identifier(identifier, base, _known(), "a regularizer")


def _known() -> dict[str, type]:
    base = keras.regularizers.Regularizer
    of_keras = {
        name: value
        for name, value in vars(keras.regularizers).items()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value is not base
    }
    return {
        "spectral_norm": SpectralNorm,
        "SpectralNorm": SpectralNorm,
        **of_keras,
    }
