"""The Lipschitz constants of Keras's layers, their affine part left out."""

import math
from typing import Any, NoReturn

import keras
from keras import layers

from keras_gc import _validation
from keras_gc.theory.affine_layer import AFFINE, REARRANGING

# The largest slope of each activation with default arguments; for those that
# mix their inputs, the largest norm of the Jacobian. Long numbers are rounded
# up.
LIPSCHITZ_CONSTANTS = {
    "linear": 1.0,
    "relu": 1.0,
    "relu6": 1.0,
    "leaky_relu": 1.0,
    "elu": 1.0,
    "celu": 1.0,
    "selu": 1.7580994,
    "gelu": 1.1289042,
    "silu": 1.0998394,
    "mish": 1.0884982,
    "softplus": 1.0,
    "softsign": 1.0,
    "soft_shrink": 1.0,
    "squareplus": 1.0,
    "sparse_plus": 1.0,
    "tanh": 1.0,
    "hard_tanh": 1.0,
    "tanh_shrink": 1.0,
    "sigmoid": 0.25,
    "hard_sigmoid": 1 / 6,
    "log_sigmoid": 1.0,
    "hard_silu": 1.5,
    "softmax": 0.5,
    "sparse_sigmoid": 0.5,
}
# Operations of `keras.ops` without arguments of their own.
_OPERATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Silu": "silu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Reshape": "linear",
    "Squeeze": "linear",
    "ExpandDims": "linear",
    "Transpose": "linear",
}
_ONE_OF_ITS_INPUTS = (
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
)
_MAX_POOLING = (
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.MaxPooling3D,
)
# Layers and operations of the same name act alike.
_SUMS = {"Add", "Subtract"}
_ROOT_SUMS = {"Concatenate", "Maximum", "Minimum"}
MERGING = {*_SUMS, *_ROOT_SUMS, "Average"}


def merged(
    operation: Any,
    constants: list[float],
    shapes: list[tuple],
    shape: tuple,
) -> float:
    """Return the Lipschitz constant of branches that are merged.

    Args:
        operation: a layer or operation whose type's name is in `MERGING`.
        constants: list of the branches' Lipschitz constants.
        shapes: list of the branches' shapes, without the batch.
        shape: tuple, that of the result.

    Returns:
        The sum for Add and Subtract, the mean for Average, the root of the
        sum of squares for Concatenate, Maximum and Minimum.
    """
    name = type(operation).__name__
    if name != "Concatenate":
        # A broadcast branch counts as often as it is repeated.
        constants = [
            constant * math.sqrt(math.prod(shape) / math.prod(own))
            for constant, own in zip(constants, shapes, strict=True)
        ]
    if name in _ROOT_SUMS:
        return math.sqrt(sum(constant**2 for constant in constants))
    return sum(constants) / (len(constants) if name == "Average" else 1)


def nonlinear_constant(layer: Any) -> float:
    """Return the Lipschitz constant of the part of a layer that is not affine.

    Args:
        layer: a layer or operation with one input.

    Returns:
        A float > 0: 1 for a layer that is affine.

    Raises:
        ValueError: if the constant is not known.
    """
    if not isinstance(layer, keras.Layer) and (
        type(layer).__name__ in _OPERATIONS
    ):
        return LIPSCHITZ_CONSTANTS[_OPERATIONS[type(layer).__name__]]
    if isinstance(layer, (*REARRANGING, *_ONE_OF_ITS_INPUTS)):
        return 1.0
    if isinstance(layer, _MAX_POOLING):
        # An input pixel reaches this many windows, each at most once.
        windows = zip(layer.pool_size, layer.strides, strict=True)
        return math.sqrt(math.prod(math.ceil(a / b) for a, b in windows))
    if isinstance(layer, layers.LeakyReLU):
        return max(1.0, abs(float(layer.negative_slope)))
    if isinstance(layer, layers.ReLU) and not layer.threshold:
        return max(1.0, abs(float(layer.negative_slope)))
    if isinstance(layer, layers.ELU):
        return max(1.0, abs(float(layer.alpha)))
    if isinstance(layer, layers.Softmax):
        return LIPSCHITZ_CONSTANTS["softmax"]
    if isinstance(layer, (*AFFINE, layers.Activation)):
        return _activation_constant(layer)
    refuse(layer)


def is_linear(layer: Any) -> bool:
    """Return whether a layer's activation, if it has one, is linear.

    Args:
        layer: a layer.

    Returns:
        A bool.
    """
    linear = keras.activations.linear
    return getattr(layer, "activation", linear) is linear


def _activation_constant(layer):
    if is_linear(layer):
        return 1.0
    name = getattr(layer.activation, "__name__", "")
    # Compared by identity: any function may be named "relu".
    if (
        name in LIPSCHITZ_CONSTANTS
        and layer.activation is keras.activations.get(name)
    ):
        return LIPSCHITZ_CONSTANTS[name]
    raise ValueError(
        "The activation must have a known Lipschitz constant, as have Keras's "
        f"{sorted(LIPSCHITZ_CONSTANTS)}. Received: "
        f"{_validation.shown(layer.activation)} of layer '{layer.name}'"
    )


def refuse(layer: Any) -> NoReturn:
    """Raise the error for a layer whose constant is not known.

    Args:
        layer: a layer or operation.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        "Each layer must have a known Lipschitz constant: Keras's own Dense, "
        "EinsumDense, convolutions (not quantized), BatchNormalization, "
        "Normalization, Rescaling, pooling, padding, cropping, UpSampling, "
        "RepeatVector, Activation, ReLU (without threshold), LeakyReLU, ELU, "
        "Softmax, Dropout, Reshape and the like, and for branches Add, "
        "Subtract, Average, Concatenate, Maximum and Minimum. Received: "
        f"'{layer.name}' of type {type(layer).__name__}"
    )
