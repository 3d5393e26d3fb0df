"""The networks of the experiments, as plain Keras models that return logits.

None of them knows of GC: `keras_gc.GCModel.from_model(lenet(...))` trains one
with it. The layer before the logits is named "embedding" in each.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers


def mlp(
    input_shape: tuple[int, ...],
    num_classes: int,
    *,
    width: int = 256,
    depth: int = 2,
    **kernel: Any,
) -> keras.Model:
    """Build a ReLU network of Dense layers.

    Args:
        input_shape: tuple, shape of one example; flattened.
        num_classes: int, number of logits.
        width: int, units of each hidden layer. Defaults to 256.
        depth: int, number of hidden layers. Defaults to 2.
        **kernel: `kernel_initializer` and `kernel_regularizer` of every layer.

    Returns:
        A `keras.Model`, `(batch, *input_shape)` to `(batch, num_classes)`.
    """
    inputs = keras.Input(input_shape)
    x = layers.Flatten()(inputs)
    for i in range(depth):
        name = "embedding" if i == depth - 1 else None
        x = layers.Dense(width, activation="relu", name=name, **kernel)(x)
    return keras.Model(inputs, layers.Dense(num_classes, **kernel)(x))


def _image_input(
    name: str, input_shape: tuple, least: int
) -> keras.KerasTensor:
    if len(input_shape) != 3 or min(input_shape[:2]) < least:
        raise ValueError(
            f"{name} needs images of shape (height, width, channels), at "
            f"least {least} x {least}. Received: input_shape={input_shape}"
        )
    return keras.Input(input_shape)


def lenet(
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: int = 6,
    **kernel: Any,
) -> keras.Model:
    """Build LeNet-5 with ReLU and maximum pooling.

    Args:
        input_shape: tuple, height, width and channels; height and width >= 4.
        num_classes: int, number of logits.
        width: int, channels of the first convolution; 6 is LeNet-5. The other
            layers grow in proportion. Defaults to 6.
        **kernel: `kernel_initializer` and `kernel_regularizer` of every layer.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If the examples are no images, or too small.
    """
    relu = {"activation": "relu", **kernel}
    inputs = _image_input("lenet", input_shape, 4)
    x = layers.Conv2D(width, 5, padding="same", **relu)(inputs)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(width * 16 // 6, 5, padding="same", **relu)(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(width * 20, **relu)(x)
    x = layers.Dense(width * 14, name="embedding", **relu)(x)
    return keras.Model(inputs, layers.Dense(num_classes, **kernel)(x))


def resnet18(
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: int = 64,
    **kernel: Any,
) -> keras.Model:
    """Build ResNet-18 in its form for small images.

    A 3 x 3 convolution without pooling, four stages of two basic blocks with
    `width`, 2, 4 and 8 times `width` channels, and an average over space
    (He et al. 2016, with batch normalisation).

    Args:
        input_shape: tuple, height, width and channels.
        num_classes: int, number of logits.
        width: int, channels of the first stage; 64 is ResNet-18. Defaults to
            64.
        **kernel: `kernel_initializer` and `kernel_regularizer` of every layer.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If the examples are no images, or too small.
    """

    def conv(x: Any, channels: int, size: int, stride: int = 1) -> Any:
        x = layers.Conv2D(
            channels, size, stride, padding="same", use_bias=False, **kernel
        )(x)
        # Keras's momentum of 0.99 lags behind short runs by hundreds of steps.
        return layers.BatchNormalization(momentum=0.9)(x)

    def block(x: Any, channels: int, stride: int) -> Any:
        shortcut = x
        if stride > 1:
            shortcut = conv(x, channels, 1, stride)
        x = layers.ReLU()(conv(x, channels, 3, stride))
        return layers.ReLU()(conv(x, channels, 3) + shortcut)

    inputs = _image_input("resnet18", input_shape, 1)
    x = layers.ReLU()(conv(inputs, width, 3))
    for stage in range(4):
        x = block(x, width * 2**stage, 1 if stage == 0 else 2)
        x = block(x, width * 2**stage, 1)
    x = layers.GlobalAveragePooling2D(name="embedding")(x)
    return keras.Model(inputs, layers.Dense(num_classes, **kernel)(x))


def vgg13(
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: int = 64,
    **kernel: Any,
) -> keras.Model:
    """Build VGG-13 in its form for small images.

    Five stages of two 3 x 3 convolutions, each stage followed by maximum
    pooling; one Dense layer of `8 * width` units instead of two of 4096
    (Simonyan & Zisserman 2015, configuration B). No batch normalisation.

    Args:
        input_shape: tuple, height, width and channels; height and width >= 32.
        num_classes: int, number of logits.
        width: int, channels of the first stage; 64 is VGG-13. Defaults to 64.
        **kernel: `kernel_initializer` and `kernel_regularizer` of every layer.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If the examples are no images, or too small.
    """
    relu = {"activation": "relu", **kernel}
    inputs = x = _image_input("vgg13", input_shape, 32)
    for factor in (1, 2, 4, 8, 8):
        for _ in range(2):
            x = layers.Conv2D(width * factor, 3, padding="same", **relu)(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(8 * width, name="embedding", **relu)(x)
    return keras.Model(inputs, layers.Dense(num_classes, **kernel)(x))


NETWORKS: dict[str, Callable[..., keras.Model]] = {
    "mlp": mlp,
    "lenet": lenet,
    "resnet18": resnet18,
    "vgg13": vgg13,
}
