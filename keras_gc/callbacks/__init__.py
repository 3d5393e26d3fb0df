"""Callbacks for stock Keras models."""

from keras_gc.callbacks.geometric_complexity import GeometricComplexity

__all__ = ["GeometricComplexity"]
