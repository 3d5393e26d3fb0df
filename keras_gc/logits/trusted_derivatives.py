"""Layers and operations whose derivative may not be that of their function."""

import warnings
from typing import Any

import keras

from keras_gc import keras_seam
from keras_gc.estimators.finite_difference import FiniteDifference

# For these, when quantized, Keras defines the gradient: that of the layer with
# its rounded weights, as if its inputs were not rounded.
_TRUSTED = (keras.layers.Dense, keras.layers.EinsumDense)
_TRUSTED_MODES = {"int8", "int4"}


def check_derivatives(model: keras.Model) -> None:
    """Raise if a quantized layer's derivative is not that of its function.

    The derivative of a rounding is 0. Where another path carries one that is
    not, nothing else would show that a part is missing.

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


# Operations whose derivative is 0, or is defined to be.
_FLAT = frozenset({
    "Argmax", "Argmin", "Ceil", "Floor", "Fix", "Rint", "Round", "Sign",
    "StopGradient", "Trunc",
})  # fmt: skip


def warn_of_flat_operations(model: keras.Model) -> None:
    """Warn of operations through which the derivative is 0.

    If the inputs reach the outputs through these alone, an error says so later;
    if there are other paths too, nothing else would.

    Args:
        model: a `keras.Model`; one without a graph is not looked at.
    """
    real = {}  # id of a tensor -> whether it depends on a real input

    def depends(tensor):
        if id(tensor) not in real:
            call = keras_seam.producer(tensor)
            inputs = call.inputs
            real[id(tensor)] = "float" in tensor.dtype and (
                not inputs or any(map(depends, inputs))
            )
        return real[id(tensor)]

    names = [
        f"'{operation.name}' ({type(operation).__name__})"
        for operation in _operations_behind_real_outputs(model)
        if _is_flat(operation)
        and any(map(depends, keras_seam.call_inputs(operation)))
    ]
    if names:
        warnings.warn(
            f"The derivative of {', '.join(names)} is 0, so that whatever the "
            "outputs owe to the inputs through it does not count in their "
            "geometric complexity.",
            stacklevel=2,
        )


def _operations_behind_real_outputs(model):
    found, seen = {}, set()
    waiting = [
        tensor
        for tensor in getattr(model, "outputs", None) or ()
        if "float" in tensor.dtype
    ]
    while waiting:
        tensor = waiting.pop()
        if id(tensor) not in seen:
            seen.add(id(tensor))
            call = keras_seam.producer(tensor)
            found[id(call.operation)] = call.operation
            waiting += call.inputs
    return list(found.values())


def _is_flat(operation):
    name = type(operation).__name__
    is_int = name == "Cast" and "float" not in str(operation.dtype)
    return name in _FLAT or is_int


def check_differences(model: keras.Model, estimator: Any) -> None:
    """Raise if finite differences would move what is padding.

    `Masking` knows padded steps by their value. Moved, they would count as
    data in one evaluation and not in the other.

    Args:
        model: a `keras.Model`.
        estimator: an `Estimator`.

    Raises:
        ValueError: for `FiniteDifference` and a model with `Masking`.
    """
    if not isinstance(estimator, FiniteDifference):
        return
    for layer in keras_seam.all_layers(model):
        if isinstance(layer, keras.layers.Masking):
            raise ValueError(
                "FiniteDifference moves the inputs, and a Masking layer would "
                "take moved padding for data. Use an estimator with "
                "derivatives, as `keras_gc.estimators.Hutchinson()`. Received: "
                f"layer '{layer.name}' (of type Masking)"
            )
