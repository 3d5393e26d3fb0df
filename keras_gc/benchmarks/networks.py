"""The networks that costs and noise are measured on."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from keras_gc.experiments import networks


def cnn(
    input_shape: tuple[int, int, int], num_classes: int, **kernel: Any
) -> keras.Model:
    """Build four 3x3 convolutions, two of them strided.

    Args:
        input_shape: tuple, height, width and channels.
        num_classes: int, number of logits.
        **kernel: arguments of every layer with a kernel.

    Returns:
        A `keras.Model`.
    """
    relu = {"padding": "same", "activation": "relu", **kernel}
    return keras.Sequential([
        keras.Input(input_shape),
        keras.layers.Conv2D(32, 3, **relu),
        keras.layers.Conv2D(32, 3, strides=2, **relu),
        keras.layers.Conv2D(64, 3, **relu),
        keras.layers.Conv2D(64, 3, strides=2, **relu),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(num_classes, dtype="float32", **kernel),
    ])


def vit(
    input_shape: tuple[int, int, int], num_classes: int, **kernel: Any
) -> keras.Model:
    """Build a small vision transformer: 4 blocks of width 64, patches of 4x4.

    A depthwise convolution tells where a patch is (Chu et al. 2021, arXiv
    2102.10882).

    Args:
        input_shape: tuple, height, width and channels.
        num_classes: int, number of logits.
        **kernel: arguments of every layer with a kernel.

    Returns:
        A `keras.Model`.
    """
    layers = keras.layers
    inputs = keras.Input(input_shape)
    patches = layers.Conv2D(64, 4, strides=4, **kernel)(inputs)
    place = layers.DepthwiseConv2D(3, padding="same")(patches)
    x = layers.Reshape((-1, 64))(layers.Add()([patches, place]))
    for _ in range(4):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(2, 32, **kernel)(y, y)
        x = layers.Add()([x, y])
        y = layers.LayerNormalization()(x)
        y = layers.Dense(128, activation="gelu", **kernel)(y)
        y = layers.Dense(64, **kernel)(y)
        x = layers.Add()([x, y])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    x = layers.Dense(num_classes, dtype="float32", **kernel)(x)
    return keras.Model(inputs, x)


class Network(NamedTuple):
    """A network that steps are timed on.

    Args:
        build: function of `(input_shape, num_classes, **kernel)`.
        input_shape: tuple, the shape of one example.
        num_classes: int. Defaults to 10.
    """

    build: Callable
    input_shape: tuple[int, int, int]
    num_classes: int = 10


_mlp = functools.partial(networks.mlp, width=512)
NETWORKS = {
    "mlp": Network(_mlp, (28, 28, 1)),
    "mlp-1000": Network(_mlp, (28, 28, 1), 1000),
    "cnn": Network(cnn, (32, 32, 3)),
    "resnet18": Network(networks.resnet18, (32, 32, 3)),
    "vit": Network(vit, (32, 32, 3)),
}
