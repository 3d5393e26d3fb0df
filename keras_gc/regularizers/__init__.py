"""Regularizers for the weights of any Keras layer."""

from keras_gc.regularizers.convolution_norm import (
    convolution_norm as convolution_norm,
)
from keras_gc.regularizers.matrix_norm import matrix_norm as matrix_norm
from keras_gc.regularizers.serialization import get as get
from keras_gc.regularizers.spectral_norm import SpectralNorm as SpectralNorm

__all__ = ["SpectralNorm", "convolution_norm", "get", "matrix_norm"]
