"""Layers that are affine in their inputs, and the norm of their matrix."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from keras_gc.logits import without_activation
from keras_gc.theory.jacobian import Jacobian

# Affine, except for the activation that they apply last.
DENSE_AND_CONVOLUTIONS = (
    layers.Dense,
    layers.EinsumDense,
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
)
# Affine in inference mode.
AFFINE = (
    *DENSE_AND_CONVOLUTIONS,
    layers.BatchNormalization,
    layers.Normalization,
    layers.Rescaling,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.AveragePooling3D,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalAveragePooling3D,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
    layers.ZeroPadding3D,
    layers.Cropping1D,
    layers.Cropping2D,
    layers.Cropping3D,
    layers.UpSampling1D,
    layers.UpSampling2D,
    layers.UpSampling3D,
    layers.RepeatVector,
)
# Linear, of norm 1: in inference mode they only rearrange.
REARRANGING = (
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
)


def is_affine(layer: Any) -> bool:
    """Return whether a layer is affine, its activation left out.

    Args:
        layer: a layer or operation.

    Returns:
        A bool.
    """
    return isinstance(layer, (*AFFINE, *REARRANGING))


def affine_part(layer: keras.Layer, x: Any) -> Any:
    """Call an affine layer in inference mode, without its activation.

    Args:
        layer: a layer that `is_affine`.
        x: tensor, its inputs.

    Returns:
        `W x + b`, a tensor.
    """
    if isinstance(layer, DENSE_AND_CONVOLUTIONS):
        return without_activation(layer, x)
    return layer(x, training=False)


def affine_norm(
    chain: Sequence[keras.Layer], input_shape: Sequence[int]
) -> float:
    """Bound the operator norm of affine layers, one after the other.

    The norm is that of the map that the layers compute, with padding, strides,
    dilation and groups. It comes from Lanczos on products with this map; no
    matrix is formed, and no formula for kernels is needed.

    Args:
        chain: sequence of affine layers.
        input_shape: sequence of ints, shape of one input of the first layer.

    Returns:
        An upper bound of the largest singular value of the matrix of the
        composite map, a float; see `Jacobian.norm_bounds` for how close.
    """

    def composite(x):
        for layer in chain:
            x = affine_part(layer, x)
        return x

    variables = [v for layer in chain for v in layer.variables]
    jacobian = Jacobian(lambda x: (x, composite), variables)
    origin = ops.zeros((1, *input_shape), dtype=chain[0].variable_dtype)
    return float(jacobian.norm_bounds(origin)[1][0])
