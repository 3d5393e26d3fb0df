"""Which models are another function in training than in inference."""

import inspect

import keras

# Keras's own layers around code that is not.
_FOREIGN = (
    keras.layers.FlaxLayer,
    keras.layers.JaxLayer,
    keras.layers.TFSMLayer,
    keras.layers.TorchModuleWrapper,
)
_MOVING = (keras.layers.BatchNormalization, keras.layers.SpectralNormalization)


def depends_on_training(model):
    """Return whether any layer may behave differently in training.

    Args:
        model: a `keras.Model`.

    Returns:
        False only if each layer is known not to: its `call` takes no
        `training`, or it is Keras's own and neither averages over the batch
        nor draws random numbers.
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
    if isinstance(layer, keras.layers.Lambda):
        return getattr(layer, "_fn_expects_training_arg", True)
    if isinstance(layer, _FOREIGN):
        return True
    if not type(layer).call.__module__.startswith("keras."):
        return True  # the user's own code
    # Keras's own: what averages over the batch, and what draws at random.
    if isinstance(layer, _MOVING):
        return True
    rates = [
        getattr(layer, name)
        for name in ("rate", "dropout", "recurrent_dropout")
        if isinstance(getattr(layer, name, None), int | float)
    ]
    if rates:
        return any(rate > 0 for rate in rates)
    return any(
        isinstance(value, keras.random.SeedGenerator)
        for value in vars(layer).values()
    )
