"""The tables that tests run through: estimators, and layers."""

import keras
from keras import layers

from keras_gc import estimators

# Each estimator in each of its variants, by a readable name.
ESTIMATORS = {
    "exact_reverse": estimators.ExactReverse,
    "exact_forward": estimators.ExactForward,
    "hutchinson": estimators.Hutchinson,
    "hutchinson_gaussian": lambda: estimators.Hutchinson(2, "gaussian"),
    "hutchinson_sphere": lambda: estimators.Hutchinson(2, "sphere"),
    "hutchinson_forward": lambda: estimators.Hutchinson(2, mode="forward"),
    "hutchinson_balanced": lambda: estimators.Hutchinson(1, "balanced"),
    "hutchinson_principal": lambda: estimators.Hutchinson(2, "principal"),
    "sampled_outputs": estimators.SampledOutputs,
    "sampled_outputs_2": lambda: estimators.SampledOutputs(2),
    "finite_difference": lambda: estimators.FiniteDifference(2, 1e-2),
}


def chain(*parts):
    """Return a function that applies layers one after the other."""

    def apply(x):
        for part in parts:
            x = part(x)
        return x

    return apply


def after_conv(make):
    """Return a layer behind a nonlinear convolution."""
    return lambda: chain(layers.Conv2D(2, 2, activation="tanh"), make())


def after_dense(activation):
    """Return an activation behind a Dense layer."""
    return lambda: chain(layers.Dense(4), layers.Activation(activation))


def then_tanh(make):
    """Return a layer with a tanh behind it, for a curved whole."""
    return lambda: chain(make(), layers.Activation("tanh"))


# name: (shape of one input, function that makes what stands before the head)
LAYERS = {
    "Dense": ((3,), lambda: layers.Dense(4, "tanh")),
    "EinsumDense": (
        (3, 2),
        lambda: layers.EinsumDense("abc,cd->abd", (3, 4), "tanh"),
    ),
    "Conv1D": ((5, 2), lambda: layers.Conv1D(3, 3, activation="tanh")),
    "Conv1D_causal_dilated": (
        (5, 2),
        lambda: layers.Conv1D(
            2, 2, padding="causal", dilation_rate=2, activation="tanh"
        ),
    ),
    "Conv2D_strided_same": (
        (4, 4, 2),
        lambda: layers.Conv2D(
            3, 3, strides=2, padding="same", activation="tanh"
        ),
    ),
    "Conv2D_groups": (
        (4, 4, 2),
        lambda: layers.Conv2D(4, 3, groups=2, activation="tanh"),
    ),
    "Conv3D": (
        (3, 3, 3, 1),
        lambda: layers.Conv3D(2, 2, activation="tanh"),
    ),
    "Conv1DTranspose": (
        (4, 2),
        lambda: layers.Conv1DTranspose(2, 2, activation="tanh"),
    ),
    "Conv2DTranspose": (
        (3, 3, 2),
        lambda: layers.Conv2DTranspose(2, 2, strides=2, activation="tanh"),
    ),
    "Conv3DTranspose": (
        (2, 2, 2, 1),
        lambda: layers.Conv3DTranspose(2, 2, activation="tanh"),
    ),
    "DepthwiseConv1D": (
        (5, 2),
        lambda: layers.DepthwiseConv1D(3, activation="tanh"),
    ),
    "DepthwiseConv2D": (
        (4, 4, 2),
        lambda: layers.DepthwiseConv2D(3, activation="tanh"),
    ),
    "SeparableConv1D": (
        (5, 2),
        lambda: layers.SeparableConv1D(3, 3, activation="tanh"),
    ),
    "SeparableConv2D": (
        (4, 4, 2),
        lambda: layers.SeparableConv2D(3, 3, activation="tanh"),
    ),
    "MaxPooling1D": ((6, 2), lambda: layers.MaxPooling1D(2)),
    "MaxPooling2D": ((4, 4, 2), lambda: layers.MaxPooling2D(2)),
    "MaxPooling3D": ((4, 4, 4, 1), lambda: layers.MaxPooling3D(2)),
    "AveragePooling2D": (
        (5, 5, 1),
        after_conv(lambda: layers.AveragePooling2D(2)),
    ),
    "AveragePooling3D": ((4, 4, 4, 1), lambda: layers.AveragePooling3D(2)),
    "GlobalAveragePooling2D": (
        (4, 4, 1),
        after_conv(lambda: layers.GlobalAveragePooling2D()),
    ),
    "GlobalMaxPooling2D": (
        (4, 4, 1),
        after_conv(lambda: layers.GlobalMaxPooling2D()),
    ),
    "BatchNormalization": (
        (4,),
        lambda: chain(layers.Dense(3, "tanh"), layers.BatchNormalization()),
    ),
    "LayerNormalization": (
        (4,),
        lambda: chain(layers.Dense(5, "tanh"), layers.LayerNormalization()),
    ),
    "GroupNormalization": (
        (3, 3, 1),
        lambda: chain(
            layers.Conv2D(4, 2, activation="tanh"),
            layers.GroupNormalization(2),
        ),
    ),
    "RMSNormalization": (
        (4,),
        lambda: chain(layers.Dense(4, "tanh"), layers.RMSNormalization()),
    ),
    "UnitNormalization": (
        (4,),
        lambda: chain(layers.Dense(4, "tanh"), layers.UnitNormalization()),
    ),
    "SpectralNormalization": (
        (4,),
        lambda: layers.SpectralNormalization(layers.Dense(3, "tanh")),
    ),
    "relu": ((4,), after_dense("relu")),
    "relu6": ((4,), after_dense("relu6")),
    "leaky_relu": ((4,), after_dense("leaky_relu")),
    "PReLU": (
        (4,),
        lambda: chain(layers.Dense(4), layers.PReLU("he_normal")),
    ),
    "elu": ((4,), after_dense("elu")),
    "selu": ((4,), after_dense("selu")),
    "gelu": ((4,), after_dense("gelu")),
    "silu": ((4,), after_dense("silu")),
    "mish": ((4,), after_dense("mish")),
    "softplus": ((4,), after_dense("softplus")),
    "softsign": ((4,), after_dense("softsign")),
    "hard_sigmoid": ((4,), after_dense("hard_sigmoid")),
    "softmax": ((4,), after_dense("softmax")),
    "UpSampling2D_nearest": (
        (3, 3, 1),
        then_tanh(lambda: layers.UpSampling2D(2)),
    ),
    "UpSampling2D_bilinear": (
        (3, 3, 1),
        then_tanh(lambda: layers.UpSampling2D(2, interpolation="bilinear")),
    ),
    "UpSampling2D_bicubic": (
        (3, 3, 1),
        then_tanh(lambda: layers.UpSampling2D(2, interpolation="bicubic")),
    ),
    "UpSampling3D": ((2, 2, 2, 1), then_tanh(lambda: layers.UpSampling3D(2))),
    "Resizing_bilinear": ((4, 4, 1), then_tanh(lambda: layers.Resizing(3, 3))),
    "Resizing_nearest": (
        (4, 4, 1),
        then_tanh(lambda: layers.Resizing(3, 3, interpolation="nearest")),
    ),
    "ZeroPadding2D_Cropping2D": (
        (3, 3, 1),
        lambda: chain(
            layers.ZeroPadding2D(1), layers.Cropping2D(((1, 0), (0, 1)))
        ),
    ),
    "CenterCrop": ((4, 4, 1), lambda: layers.CenterCrop(2, 2)),
    "Rescaling": ((4,), then_tanh(lambda: layers.Rescaling(2.0, 1.0))),
    "Normalization": (
        (4,),
        then_tanh(lambda: layers.Normalization(mean=1.0, variance=4.0)),
    ),
    "Dropout": ((4,), lambda: layers.Dropout(0.5)),
    "RandomRotation": ((4, 4, 1), lambda: layers.RandomRotation(0.5)),
    "TimeDistributed": (
        (3, 4),
        lambda: layers.TimeDistributed(layers.Dense(2, "tanh")),
    ),
    "SimpleRNN": ((3, 2), lambda: layers.SimpleRNN(3)),
    "LSTM": ((3, 2), lambda: layers.LSTM(3)),
    "LSTM_unrolled": ((3, 2), lambda: layers.LSTM(3, unroll=True)),
    "GRU_sequences": ((3, 2), lambda: layers.GRU(3, return_sequences=True)),
    "Bidirectional": (
        (3, 2),
        lambda: layers.Bidirectional(layers.SimpleRNN(2)),
    ),
    "ConvLSTM2D": ((2, 3, 3, 1), lambda: layers.ConvLSTM2D(2, 2)),
    "MultiHeadAttention": (
        (3, 4),
        lambda: lambda x: layers.MultiHeadAttention(2, 2)(x, x),
    ),
    "MultiHeadAttention_causal": (
        (3, 4),
        lambda: (
            lambda x: layers.MultiHeadAttention(2, 2)(
                x, x, use_causal_mask=True
            )
        ),
    ),
    "GroupQueryAttention": (
        (3, 4),
        lambda: lambda x: layers.GroupQueryAttention(2, 2, 1)(x, x),
    ),
    "Attention": ((3, 4), lambda: lambda x: layers.Attention()([x, x])),
    "AdditiveAttention": (
        (3, 4),
        lambda: lambda x: layers.AdditiveAttention()([x, x]),
    ),
    "Multiply": (
        (4,),
        lambda: lambda x: layers.Multiply()([x, layers.Dense(4, "tanh")(x)]),
    ),
    "Dot": ((4, 3), lambda: lambda x: layers.Dot(1)([x, x])),
    "Maximum": (
        (4,),
        lambda: lambda x: layers.Maximum()([x, layers.Dense(4)(x)]),
    ),
}


def layer_model(name):
    """Return the model of a row of `LAYERS`: the layer and a linear head."""
    shape, make = LAYERS[name]
    inputs = keras.Input(shape)
    features = layers.Flatten()(make()(inputs))
    return keras.Model(inputs, layers.Dense(2)(features))
