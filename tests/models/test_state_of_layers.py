"""One step at `gc_weight=0` is Keras's own, whatever state a layer has.

Statistics move once, seeds advance once, and the weights are the same.
"""

import inspect
import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gc
from tests.modes import BACKEND

IMAGES = (4, 6, 6, 3)
# A layer by itself would have no weights before it to train.
VECTORS, STEPS, FRAMES = (4, 3), (4, 3, 2), (4, 2, 4, 4, 1)


def _random(name, **kwargs):
    return IMAGES, lambda: getattr(layers, name)(**kwargs)


def _noise(name, shape=VECTORS, **kwargs):
    return shape, lambda: getattr(layers, name)(**kwargs)


# name: (shape of the inputs, function that makes the layer)
STATEFUL = {
    "BatchNormalization": _noise("BatchNormalization"),
    "BatchNormalization of images": (IMAGES, layers.BatchNormalization),
    "SpectralNormalization": (
        VECTORS,
        lambda: layers.SpectralNormalization(layers.Dense(3)),
    ),
    "SpectralNormalization of images": (
        IMAGES,
        lambda: layers.SpectralNormalization(layers.Conv2D(2, 2)),
    ),
    "Dropout": _noise("Dropout", rate=0.5),
    "AlphaDropout": _noise("AlphaDropout", rate=0.5),
    "GaussianDropout": _noise("GaussianDropout", rate=0.5),
    "GaussianNoise": _noise("GaussianNoise", stddev=0.5),
    "SpatialDropout1D": _noise("SpatialDropout1D", STEPS, rate=0.5),
    "SpatialDropout2D": _noise("SpatialDropout2D", IMAGES, rate=0.5),
    "SpatialDropout3D": _noise("SpatialDropout3D", FRAMES, rate=0.5),
    "Attention": (
        STEPS,
        lambda: lambda x: layers.Attention(dropout=0.5)([x, x]),
    ),
    "AdditiveAttention": (
        STEPS,
        lambda: lambda x: layers.AdditiveAttention(dropout=0.5)([x, x]),
    ),
    "MultiHeadAttention": (
        STEPS,
        lambda: lambda x: layers.MultiHeadAttention(1, 2, dropout=0.5)(x, x),
    ),
    "GroupedQueryAttention": (
        STEPS,
        lambda: (
            lambda x: layers.GroupQueryAttention(2, 2, 1, dropout=0.5)(x, x)
        ),
    ),
    "SimpleRNN": _noise("SimpleRNN", STEPS, units=2, stateful=True),
    "SimpleRNN with dropout": _noise("SimpleRNN", STEPS, units=2, dropout=0.5),
    "GRU": _noise("GRU", STEPS, units=2, stateful=True),
    "LSTM": _noise("LSTM", STEPS, units=2, stateful=True),
    "RNN": (
        STEPS,
        lambda: layers.RNN(
            layers.GRUCell(2, recurrent_dropout=0.5), stateful=True
        ),
    ),
    "RNN of stacked cells": (
        STEPS,
        lambda: layers.RNN(
            [layers.LSTMCell(2, dropout=0.5), layers.SimpleRNNCell(2)],
            stateful=True,
        ),
    ),
    "Bidirectional": (
        STEPS,
        lambda: layers.Bidirectional(layers.GRU(2, stateful=True)),
    ),
    "ConvLSTM1D": _noise(
        "ConvLSTM1D", (4, 2, 4, 1), filters=1, kernel_size=2, stateful=True
    ),
    "ConvLSTM2D": _noise(
        "ConvLSTM2D", FRAMES, filters=1, kernel_size=2, dropout=0.5
    ),
    "ConvLSTM3D": _noise(
        "ConvLSTM3D", (4, 2, 3, 3, 3, 1), filters=1, kernel_size=2,
        stateful=True,
    ),
    "AugMix": _random("AugMix"),
    "CutMix": _random("CutMix"),
    "MixUp": _random("MixUp"),
    "RandAugment": _random("RandAugment"),
    "RandomBrightness": _random("RandomBrightness", factor=0.5),
    "RandomColorDegeneration": _random("RandomColorDegeneration", factor=0.5),
    "RandomColorJitter": _random(
        "RandomColorJitter", brightness_factor=0.5, contrast_factor=0.5
    ),
    "RandomContrast": _random("RandomContrast", factor=0.5),
    "RandomCrop": _random("RandomCrop", height=4, width=4),
    "RandomElasticTransform": _random("RandomElasticTransform"),
    "RandomErasing": _random("RandomErasing"),
    "RandomFlip": _random("RandomFlip"),
    "RandomGaussianBlur": _random("RandomGaussianBlur"),
    "RandomGrayscale": _random("RandomGrayscale"),
    "RandomHue": _random("RandomHue", factor=0.5),
    "RandomInvert": _random("RandomInvert"),
    "RandomPerspective": _random("RandomPerspective"),
    "RandomPosterization": _random("RandomPosterization", factor=3),
    "RandomRotation": _random("RandomRotation", factor=0.5),
    "RandomSaturation": _random("RandomSaturation", factor=0.5),
    "RandomSharpness": _random("RandomSharpness", factor=0.5),
    "RandomShear": _random("RandomShear", x_factor=0.5),
    "RandomTranslation": _random(
        "RandomTranslation", height_factor=0.3, width_factor=0.3
    ),
    "RandomZoom": _random("RandomZoom", height_factor=0.3),
}  # fmt: skip

# What the sources assign to or draw from, but not in the forward pass.
UNTOUCHED = {
    "weights, when they are quantized": (
        "Conv1D", "Conv2D", "Conv3D", "Dense", "EinsumDense", "Embedding",
        "ReversibleEmbedding", "TernaryDense",
    ),
    "statistics and vocabularies, in `adapt` and when a file is loaded": (
        "Normalization", "IntegerLookup", "StringLookup",
    ),
    "nothing: it draws no random numbers, only its base class can": (
        "AutoContrast", "CategoryEncoding", "CenterCrop",
        "ContrastLimitedAdaptiveHistogramEqualization", "Discretization",
        "Equalization", "MaxNumBoundingBoxes", "MelSpectrogram", "Rescaling",
        "Resizing", "Solarization",
    ),
    "what the user's own function does": ("FlaxLayer", "JaxLayer"),
    "its mask, inside of an RNN, where it is tested": (
        "GRUCell", "LSTMCell", "SimpleRNNCell",
    ),
}  # fmt: skip

SETTINGS = {
    "watched": {"gc_fraction": 1.0},
    "in our own step": {"heuristics": [keras_gc.heuristics.SAM(0.0)]},
}

# On torch these layers change the images in place (`images += delta`), so
# whatever looks at a batch twice sees other images the second time.
IN_PLACE = {"RandomBrightness", "RandomColorJitter"}


def trained(kind, name, **settings):
    """Return all variables of a model after one step."""
    keras.utils.set_random_seed(0)
    shape, make = STATEFUL[name]
    is_image = shape == IMAGES
    inputs = keras.Input(batch_shape=shape)
    x = inputs
    if not is_image:  # images are augmented before anything else
        x = layers.Dense(shape[-1], name="before")(x)
    x = layers.Flatten()(make()(x))
    model = kind(inputs, layers.Dense(2)(x))
    model.compile(
        keras.optimizers.SGD(1e-6 if is_image else 0.1),
        "mse",
        # On JAX each operation would be compiled by itself.
        run_eagerly=BACKEND != "jax",
        **settings,
    )
    rng = np.random.default_rng(0)
    scale = 255.0 if is_image else 1.0
    data = scale * rng.random(shape).astype("float32"), np.ones((4, 2))
    before = _state(model)
    model.train_on_batch(*data)
    return before, _state(model)


def _runs_in_inference(name):
    """Whether what a layer returns in inference fits into the model."""
    shape, make = STATEFUL[name]
    inputs = keras.Input(batch_shape=shape)
    model = keras.Model(inputs, layers.Flatten()(make()(inputs)))
    images = np.ones(shape, "float32")
    return model(images, training=False).shape == model.output_shape


def _state(model):
    return [ops.convert_to_numpy(variable) for variable in model.variables]


@pytest.fixture(scope="module")
def of_keras():
    """Keras's own variables before and after a step, by name."""
    results = {}

    def result(name):
        if name not in results:
            try:
                results[name] = trained(keras.Model, name)
            except Exception as error:
                results[name] = error
        if isinstance(results[name], Exception):
            pytest.skip(
                f"keras.Model does not train with it on {BACKEND}: "
                f"{str(results[name])[:200]}"
            )
        return results[name]

    return result


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*Tensor.T is deprecated:UserWarning")
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", sorted(STATEFUL))
def test_one_step_leaves_the_state_that_kerass_own_leaves(
    name, settings, of_keras, request
):
    if (BACKEND, settings) == ("torch", "in our own step") and name in IN_PLACE:
        request.applymarker(
            pytest.mark.xfail(strict=True, reason="Keras changes the images")
        )
    if name == "RandAugment" and "random.shuffle" in inspect.getsource(
        layers.RandAugment
    ):
        pytest.skip("this Keras shuffles a list that all of these layers share")
    before, expected = of_keras(name)
    if settings == "watched" and not _runs_in_inference(name):
        pytest.skip("keras.Model does not evaluate with it either")
    assert any(
        not np.array_equal(a, b) for a, b in zip(before, expected, strict=True)
    )
    with warnings.catch_warnings():
        # Where GC cannot be measured: the model trains as Keras's.
        warnings.filterwarnings("ignore", "Geometric complexity is not")
        start, state = trained(keras_gc.GCModel, name, **SETTINGS[settings])
    for a, b in zip(start, before, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(state, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def _may_change_state(kind):
    """Whether the sources of a layer assign to variables or draw numbers."""
    sources = "".join(
        inspect.getsource(base)
        for base in kind.__mro__
        if issubclass(base, layers.Layer) and base is not layers.Layer
    )
    words = (".assign(", "assign_add", "assign_sub", "SeedGenerator")
    return any(word in sources for word in words)


def test_every_layer_of_keras_that_may_change_state_is_in_a_table():
    covered = {name.split(" ")[0] for name in STATEFUL}
    covered.update(*UNTOUCHED.values())
    found = {
        kind.__name__: kind
        for kind in vars(layers).values()
        if inspect.isclass(kind) and issubclass(kind, layers.Layer)
    }
    assert len(found) > 100
    missing = {
        name
        for name, kind in found.items()
        if _may_change_state(kind) and name not in covered
    }
    assert missing == set()
