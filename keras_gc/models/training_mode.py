"""Which models are another function in training than in inference."""

import inspect
from typing import Any

import keras

from keras_gc import keras_seam

# Keras's layers whose `call` takes `training`. A test holds these tables
# against `keras.layers`: a new layer must be put into one of them.

# The same function in both modes; or as the layers inside of them are.
SAME = frozenset({
    "AutoContrast", "Bidirectional", "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization", "Dense", "EinsumDense",
    "Equalization", "MaxNumBoundingBoxes", "Pipeline", "RNN", "Resizing",
    "StackedRNNCells", "TimeDistributed",
})  # fmt: skip
# Another function where one of these attributes is above 0.
DIFFERENT_BY_RATE = {
    "AdditiveAttention": ("dropout",),
    "AlphaDropout": ("rate",),
    "Attention": ("dropout",),
    "ConvLSTM1D": ("dropout", "recurrent_dropout"),
    "ConvLSTM2D": ("dropout", "recurrent_dropout"),
    "ConvLSTM3D": ("dropout", "recurrent_dropout"),
    "Dropout": ("rate",),
    "GRU": ("dropout", "recurrent_dropout"),
    "GRUCell": ("dropout", "recurrent_dropout"),
    "GaussianDropout": ("rate",),
    "GaussianNoise": ("stddev",),
    "GroupQueryAttention": ("dropout",),
    "LSTM": ("dropout", "recurrent_dropout"),
    "LSTMCell": ("dropout", "recurrent_dropout"),
    "MultiHeadAttention": ("dropout",),
    "SimpleRNN": ("dropout", "recurrent_dropout"),
    "SimpleRNNCell": ("dropout", "recurrent_dropout"),
    "SpatialDropout1D": ("rate",),
    "SpatialDropout2D": ("rate",),
    "SpatialDropout3D": ("rate",),
}
# What averages over the batch, augments, or runs code that is not Keras's.
DIFFERENT = frozenset({
    "AugMix", "BatchNormalization", "CutMix", "FlaxLayer", "JaxLayer", "MixUp",
    "RandAugment", "RandomBrightness", "RandomColorDegeneration",
    "RandomColorJitter", "RandomContrast", "RandomCrop",
    "RandomElasticTransform", "RandomErasing", "RandomFlip",
    "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert",
    "RandomPerspective", "RandomPosterization", "RandomRotation",
    "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation",
    "RandomZoom", "Solarization", "SpectralNormalization", "TFSMLayer",
    "TorchModuleWrapper",
})  # fmt: skip


def depends_on_training(model: keras.Model) -> bool:
    """Return whether any layer may behave differently in training.

    Args:
        model: a `keras.Model`.

    Returns:
        False only if each layer is known not to: its `call` takes no
        `training`, or it is Keras's own and one of those that do the same in
        both modes.
    """
    return any(map(_is_different, keras_seam.all_layers(model)))


def mixes_examples(model: keras.Model) -> bool:
    """Return whether examples of a batch depend on each other in training.

    Args:
        model: a `keras.Model`.

    Returns:
        Whether a BatchNormalization is among its layers.
    """
    return any(
        isinstance(layer, keras.layers.BatchNormalization)
        for layer in keras_seam.all_layers(model)
    )


def _is_different(layer: Any) -> bool:
    if "training" not in inspect.signature(layer.call).parameters:
        return False
    if isinstance(layer, keras.layers.Lambda):
        return "training" in inspect.signature(layer.function).parameters
    if isinstance(layer, keras.Model) and _calls_like_keras(layer):
        return False  # the layers inside of it decide
    name = _keras_name(layer)
    if name in DIFFERENT_BY_RATE:
        rates = [getattr(layer, n, 0) or 0 for n in DIFFERENT_BY_RATE[name]]
        return any(rate > 0 for rate in rates)
    return name not in SAME


def _calls_like_keras(model):
    return type(model).call.__module__.startswith("keras.")


def _keras_name(layer):
    """Return the name of the class of Keras that wrote the layer's `call`."""
    if not type(layer).call.__module__.startswith("keras."):
        return None  # the user's own code
    for cls in type(layer).__mro__:
        if cls.__name__ in SAME | DIFFERENT | DIFFERENT_BY_RATE.keys():
            return cls.__name__
    return None
