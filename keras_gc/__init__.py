"""Geometric complexity of Keras models: measure it, watch it, train on it."""

import importlib
import sys
from typing import TYPE_CHECKING

from keras_gc._version import __version__

if TYPE_CHECKING:
    from keras_gc._public import *

__all__ = [
    "GCEstimate",
    "GCModel",
    "GCSequential",
    "__version__",
    "callbacks",
    "compare",
    "datasets",
    "estimators",
    "geometric_complexity",
    "heuristics",
    "jacobian_norms",
    "regularizers",
    "report",
    "theory",
]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module 'keras_gc' has no attribute {name!r}")
    return getattr(importlib.import_module("keras_gc._public"), name)


# The command prints its help without waiting for Keras, and looks names up when
# it has work to do. Everybody else imports all, so that Keras knows the classes
# of a saved model.
if "keras-gc" not in sys.argv[0] and "keras_gc.cli" not in sys.orig_argv:
    importlib.import_module("keras_gc._public")
