"""Which models are another function in training than in inference."""

import inspect

import keras


def depends_on_training(model):
    """Return whether any layer may behave differently in training.

    Args:
        model: a `keras.Model`.

    Returns:
        False only if each layer is known not to: its `call` takes no
        `training`, or it is a Keras container, recurrent or attention layer
        without dropout.
    """
    return any(_is_special(layer) for layer in model._flatten_layers())


def mixes_examples(model):
    """Return whether examples of a batch depend on each other in training.

    Args:
        model: a `keras.Model`.

    Returns:
        Whether a BatchNormalization is among its layers.
    """
    return any(
        isinstance(layer, keras.layers.BatchNormalization)
        for layer in model._flatten_layers()
    )


def _is_special(layer):
    if "training" not in inspect.signature(layer.call).parameters:
        return False
    if not type(layer).call.__module__.startswith("keras."):
        return True  # the user's own code
    if isinstance(layer, keras.Model):
        return False  # a container: its layers are asked one by one
    # Recurrent and attention layers draw only where a rate is set.
    rates = [
        getattr(layer, name)
        for name in ("dropout", "recurrent_dropout", "rate")
        if isinstance(getattr(layer, name, None), int | float)
    ]
    if isinstance(layer, keras.layers.Wrapper) or hasattr(layer, "cell"):
        return False  # so is the layer that it wraps
    return not rates or any(rate > 0 for rate in rates)
