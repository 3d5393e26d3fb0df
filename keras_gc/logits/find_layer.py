"""Find a layer of a model by its name."""

from typing import Any

import keras

from keras_gc import _validation, keras_seam


def find_layer(model: keras.Model, name: str, argument: str) -> Any:
    """Return the layer or operation of that name, at any depth.

    Args:
        model: a `keras.Model`.
        name: str, the layer's name.
        argument: str, what the user called it, for the error.

    Returns:
        The layer.

    Raises:
        TypeError: if the name is not a string.
        ValueError: if no layer or several layers have that name.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"`{argument}` must be the name of a layer. Received: "
            f"{argument}={_validation.shown(name)} "
            f"(of type {type(name).__name__})"
        )
    candidates = {id(o): o for o in keras_seam.all_layers(model, False)}
    for operation in getattr(model, "operations", ()):
        candidates.setdefault(id(operation), operation)
    found = [layer for layer in candidates.values() if layer.name == name]
    if len(found) == 1:
        return found[0]
    names = sorted({layer.name for layer in candidates.values()})
    problem = "No layer" if not found else f"{len(found)} layers"
    raise ValueError(
        f"{problem} of model '{model.name}' has that name. `{argument}` must "
        f"be the name of exactly one of its layers: {names}. Received: "
        f"{argument}={_validation.shown(name)}"
    )
