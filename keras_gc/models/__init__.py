"""Keras models that compute geometric complexity in their train step."""

from keras_gc.models.gc_model import GCModel
from keras_gc.models.gc_sequential import GCSequential

__all__ = ["GCModel", "GCSequential"]
