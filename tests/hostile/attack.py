"""Tries with a fixed seed: each ends in a value or in a sentence of ours."""

import linecache
import tempfile
import traceback
import warnings
from pathlib import Path

import numpy as np

import keras_gc
from tests.hostile.targets import TARGETS

PACKAGE = str(Path(keras_gc.__file__).parent)
SEED = 0


def attack(index, only=None):
    """Run one try.

    Returns:
        `(target, outcome)`, the outcome "value", "sentence" or a fault in
        words.
    """
    names = sorted(TARGETS) if only is None else [only]
    name = names[index % len(names)]
    rng = np.random.default_rng([SEED, index])
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        try:
            told = TARGETS[name](rng, Path(folder))
        except Exception as error:
            return name, "sentence" if is_ours(error) else fault(error)
    return name, "sentence" if told else "value"


def is_ours(error):
    """Whether an error was raised by a `raise` of the package, in a sentence.

    The innermost frame decides: one of NumPy's or of a framework is none of
    ours, whoever called it.
    """
    frame = traceback.extract_tb(error.__traceback__)[-1]
    line = linecache.getline(frame.filename, frame.lineno).strip()
    message = str(error)
    return (
        frame.filename.startswith(PACKAGE)
        and line.startswith("raise")
        and isinstance(error, ValueError | TypeError | OSError | RuntimeError)
        and 20 < len(message) < 1500
    )


def fault(error):
    """The error and the way to it, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename.startswith(PACKAGE)]
    last = ours[-1] if ours else frames[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    words = " ".join(str(error).split())[:160]
    return f"{type(error).__name__} through {where}: {words}"
