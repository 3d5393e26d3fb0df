"""Keras's own tests, with our classes in the place of Keras's.

The classes are exchanged in the source, before it is executed. Exchanging
them inside of Keras would not do: it asks `cls is Model` in places.
"""

import re
import sys
import types
from pathlib import Path

import keras

from keras_gc.models.gc_model import GCFunctional, GCModel
from keras_gc.models.gc_sequential import GCSequential

FOLDER = Path(keras.__file__).parent / "src"
OURS = {
    "GCModel": GCModel,
    "GCSequential": GCSequential,
    "GCFunctional": GCFunctional,
}
_RULES = [
    # from keras.src.models.model import Model
    (
        r"^from keras\.src\.models[\w.]* import (Model|Sequential)$",
        r"\1 = GC\1",
    ),
    # keras.Model(...), models.Sequential(...)
    (
        r"\b(?:keras(?:\.src)?(?:\.models)?|models)\.(Model|Sequential)\b",
        r"GC\1",
    ),
    # Functional(...), Functional.from_config(...), class A(Functional):
    (r"\b(?:keras\.src\.|models\.)?Functional(?=\(|\.|\):)", "GCFunctional"),
    # trainer_test makes a model of a layer and a backend's trainer. GCModel is
    # both: what is left of the layer is its `call`, which must come first.
    (
        r"from keras\.src\.backend\.\w+\.trainer import "
        r"\(?\s*\w+ as Trainer(,\s*\))?$",
        r"Trainer = GCModel",
    ),
    (r"\(Trainer, layers\.Layer\)", r"(Trainer)"),
    (r"\(Trainer, (layers\.\w+)\)", r"(\1, Trainer)"),
    (r"\bTrainer\.__init__\(self\)", r"pass"),
    (r"\blayers\.Layer\.__init__\(", r"Trainer.__init__("),
]


def substituted(source):
    """Return a test file's source with our classes for Keras's."""
    for pattern, replacement in _RULES:
        source = re.sub(pattern, replacement, source, flags=re.MULTILINE)
    return source


def load(path, prefix):
    """Return the module of a test file, made with our classes.

    Args:
        path: of the test file.
        prefix: of the module's name, to tell two loads of a file apart.

    Raises:
        ValueError: if the file has changed so that no rule applies.
    """
    original = path.read_text()
    source = substituted(original)
    if source == original:
        raise ValueError(f"Nothing to substitute in {path}")
    name = f"{prefix}_{path.stem}"
    module = types.ModuleType(name)
    module.__file__ = str(path)
    vars(module).update(OURS)
    sys.modules[name] = module  # pickle finds the file's classes by name
    exec(compile(source, path, "exec"), vars(module))
    return module
