"""Quantized layers: which of them have a right derivative."""

import keras

from keras_gc import keras_seam

# Keras gives these, when quantized, a gradient of their own: that of the layer
# with its rounded weights, past the rounding of its inputs.
_TRUSTED = (keras.layers.Dense, keras.layers.EinsumDense)
_TRUSTED_MODES = {"int8", "int4"}


def check_derivatives(model: keras.Model) -> None:
    """Raise if a quantized layer's derivative is not that of its function.

    A rounding in the way of the derivative counts as 0, in silence, where
    another path still carries one.

    Args:
        model: a `keras.Model`.

    Raises:
        ValueError: if it has such a layer.
    """
    for layer in keras_seam.all_layers(model):
        mode = keras_seam.quantization_mode(layer)
        if mode is None or keras_seam.all_layers(layer, False):
            continue
        if type(layer) is keras.layers.Embedding:
            continue  # tokens have no derivative, quantized or not
        if isinstance(layer, _TRUSTED) and mode in _TRUSTED_MODES:
            continue
        raise ValueError(
            "The Jacobian needs derivatives, and a quantized layer of this "
            "type rounds in their way, so that part of them would silently "
            "count as 0. Measure the model before it is quantized. Received: "
            f"layer '{layer.name}' (of type {type(layer).__name__}), "
            f"quantized to {mode}"
        )
