"""Callbacks for stock Keras models."""

from keras_gc.callbacks.geometric_complexity import GeometricComplexity
from keras_gc.callbacks.implicit_gradient import ImplicitGradientPenalty

__all__ = ["GeometricComplexity", "ImplicitGradientPenalty"]
