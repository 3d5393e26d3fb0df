"""The networks that costs and noise are measured on."""

import functools
from collections.abc import Callable
from typing import Any

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


# name: (builder, shape of one input)
NETWORKS: dict[str, tuple[Callable, tuple[int, int, int]]] = {
    "mlp": (functools.partial(networks.mlp, width=512), (28, 28, 1)),
    "cnn": (cnn, (32, 32, 3)),
    "resnet18": (networks.resnet18, (32, 32, 3)),
}
