"""Image classification data as plain arrays, scaled to [0, 1]."""

from keras_gc.datasets.dataset import Dataset as Dataset
from keras_gc.datasets.load import load as load
from keras_gc.datasets.load import names as names

__all__ = ["Dataset", "load", "names"]
