"""An upper bound of GC that holds at every input: the layers' norms."""

import math

import keras
from keras import layers, ops

from keras_gc.logits import LogitNetwork, check_built, input_dtype
from keras_gc.theory.affine_layer import AFFINE, affine_norm

# The largest slope of each activation with the default arguments of its
# function; for those that mix their inputs, the largest norm of the Jacobian.
LIPSCHITZ_CONSTANTS = {
    "linear": 1.0,
    "relu": 1.0,
    "relu6": 1.0,
    "leaky_relu": 1.0,
    "elu": 1.0,
    "celu": 1.0,
    "selu": 1.0507009873554805 * 1.6732632423543772,
    "gelu": 1.128904145,
    "silu": 1.099839320,
    "mish": 1.088835540,
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
_REARRANGING = (
    layers.InputLayer,
    layers.Identity,
    layers.Flatten,
    layers.Reshape,
    layers.Permute,
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
    layers.AlphaDropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.ActivityRegularization,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.GlobalMaxPooling3D,
)
_MAX_POOLING = (
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.MaxPooling3D,
)


def spectral_bound(model: keras.Model) -> float:
    """Upper bound of the geometric complexity from the norms of the layers.

    For a chain of layers `f = f_n o ... o f_1`,

        ||J(x)||_F^2 <= min(K, d) prod_i Lip(f_i)^2

    at every x, since `||J||_F^2 <= rank(J) ||J||_2^2` and norms of products
    are at most products of norms. The Lipschitz constant of a Dense layer or
    a convolution is the largest singular value of its matrix, times that of
    its activation (1 for ReLU).

    Each affine layer counts with the operator norm of the map that it is:
    padding, strides, dilation and groups included. BatchNormalization in
    inference mode is affine too and is folded into the affine layer before
    it: one norm for both. Operator norms are computed from below (relative
    error of the order of 1e-4 or less), all other factors are exact.

    Units: (logit / input unit)^2, those of GC.

    Args:
        model: A built `Sequential` or functional model that is one chain of
            layers: Dense, EinsumDense, convolutions, normalisation with
            fixed statistics, pooling, padding, activations and layers that
            only rearrange. A softmax or sigmoid at its end is stepped over.

    Returns:
        A float.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If the model is not built or not one chain, a layer or
            activation has no known Lipschitz constant, or the size of the
            inputs is not fixed.

    Example:
        >>> import numpy as np, keras, keras_gc
        >>> model = keras.Sequential([
        ...     keras.Input((2,)),
        ...     keras.layers.Dense(2, "relu"),
        ...     keras.layers.Dense(1),
        ... ])
        >>> model.layers[0].set_weights([np.diag([3.0, 4.0]), np.zeros(2)])
        >>> model.layers[1].set_weights([np.ones((2, 1)), np.zeros(1)])
        >>> keras_gc.theory.spectral_bound(model)  # 1 * 16 * 2
        32.0

    Reference:
        Dherin et al. 2022 (arXiv 2209.13083), section 4; Yoshida & Miyato
        2017 (arXiv 1705.10941).
    """
    network = LogitNetwork(model)
    check_built(model)
    chain = _chain(model)
    input_shape, output_shape = model.inputs[0].shape, model.outputs[0].shape
    if None in input_shape[1:]:
        raise ValueError(
            "The norm of a layer depends on the size of its inputs, and the "
            "model must fix it. Received: an input of shape "
            f"{input_shape}. Give `keras.Input` the size."
        )
    example = ops.zeros((1, *input_shape[1:]), dtype=input_dtype(model))
    heads = network.find_heads(example)
    bound = float(min(math.prod(input_shape[1:]), math.prod(output_shape[1:])))
    for run, shape in _affine_runs(chain):
        bound *= affine_norm(run, shape) ** 2
    for layer, _ in chain:
        if not any(layer is head for head in heads):
            bound *= _nonlinear_constant(layer) ** 2
    return bound


def _chain(model: keras.Model) -> list[tuple]:
    """Return the layers from input to output with their input shapes."""
    outputs = getattr(model, "outputs", None) or []
    if len(outputs) != 1 or len(model.inputs) != 1:
        raise ValueError(
            "`model` must be a `Sequential` or functional model with one "
            f"input and one output. Received: model '{model.name}' (of type "
            f"{type(model).__name__}) with {len(outputs)} outputs that are "
            "known before it is called"
        )
    chain, tensor = [], outputs[0]
    while tensor is not model.inputs[0]:
        layer, node_index, _ = tensor._keras_history
        tensors = layer._inbound_nodes[node_index].input_tensors
        if len(tensors) != 1:
            raise ValueError(
                "The product of norms bounds one chain of layers: each must "
                f"have one input. Received: '{layer.name}' (of type "
                f"{type(layer).__name__}) with {len(tensors)} inputs, in "
                f"model '{model.name}'"
            )
        tensor = tensors[0]
        if isinstance(layer, keras.Model):
            chain = _chain(layer) + chain
        else:
            chain = [(layer, tensor.shape[1:]), *chain]
    return chain


def _affine_runs(chain: list[tuple]) -> list[tuple]:
    """Return the affine layers, each with the BatchNormalization behind it."""
    runs = []
    open_run = False  # whether the layer before was affine and nothing else
    for layer, shape in chain:
        is_affine = isinstance(layer, AFFINE)
        if open_run and isinstance(layer, layers.BatchNormalization):
            runs[-1][0].append(layer)
        elif is_affine:
            runs.append(([layer], shape))
        open_run = is_affine and _activation_name(layer) == "linear"
    return runs


def _nonlinear_constant(layer: keras.Layer) -> float:
    """Return the Lipschitz constant of what is not affine in a layer."""
    if isinstance(layer, _REARRANGING):
        return 1.0
    if isinstance(layer, _MAX_POOLING):
        # An input pixel reaches this many windows, each at most once.
        return math.sqrt(
            math.prod(
                math.ceil(size / stride)
                for size, stride in zip(
                    layer.pool_size, layer.strides, strict=True
                )
            )
        )
    if isinstance(layer, layers.LeakyReLU):
        return max(1.0, abs(float(layer.negative_slope)))
    if isinstance(layer, layers.ReLU) and not layer.threshold:
        return max(1.0, abs(float(layer.negative_slope)))
    if isinstance(layer, layers.ELU):
        return max(1.0, abs(float(layer.alpha)))
    if isinstance(layer, layers.Softmax):
        return LIPSCHITZ_CONSTANTS["softmax"]
    if isinstance(layer, (*AFFINE, layers.Activation)):
        name = _activation_name(layer)
        if name in LIPSCHITZ_CONSTANTS:
            return LIPSCHITZ_CONSTANTS[name]
        raise ValueError(
            "The activation must have a known Lipschitz constant, as have "
            f"{sorted(LIPSCHITZ_CONSTANTS)}. Received: {name!r} of layer "
            f"'{layer.name}'"
        )
    raise ValueError(
        "Each layer must have a known Lipschitz constant: Dense, EinsumDense, "
        "convolutions, BatchNormalization, Normalization, Rescaling, pooling, "
        "padding, cropping, UpSampling, RepeatVector, Activation, ReLU "
        "(without threshold), LeakyReLU, ELU, Softmax, Dropout, Reshape and "
        f"the like. Received: layer '{layer.name}' of type "
        f"{type(layer).__name__}"
    )


def _activation_name(layer: keras.Layer) -> str:
    activation = getattr(layer, "activation", keras.activations.linear)
    return getattr(activation, "__name__", type(activation).__name__)
