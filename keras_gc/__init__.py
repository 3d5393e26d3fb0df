"""Geometric complexity of Keras models: measure it, watch it, train on it."""

import importlib
from typing import TYPE_CHECKING, Any

from keras_gc._registration import when_keras_is_imported
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
# Modules of the package ask for each other while they are being imported: for
# a package alone, never for all the public names.
_PACKAGES = {
    "callbacks",
    "datasets",
    "estimators",
    "heuristics",
    "regularizers",
    "theory",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'keras_gc' has no attribute {name!r}")
    if name in _PACKAGES:
        return importlib.import_module(f"keras_gc.{name}")
    _complete()
    return globals()[name]


def __dir__() -> list[str]:
    return list(__all__)


def _complete() -> None:
    """Import all public names, which registers all classes with Keras."""
    public = vars(importlib.import_module("keras_gc._public"))
    globals().update({name: public[name] for name in __all__ if name in public})


when_keras_is_imported(_complete)
