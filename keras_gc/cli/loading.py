"""Models and arrays from files, or a sentence that names the file."""

import importlib
import re
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_gc import _validation


def load_model(path: Path, modules: Sequence[str] = ()) -> Any:
    """Load a saved model.

    Args:
        path: path of a `.keras` or `.h5` file.
        modules: sequence of str, names of modules whose classes and functions
            the model may use. Defaults to none.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        ValueError: if the file holds no model that can be loaded.
    """
    import keras

    # Registers our classes, which the model may use.
    import keras_gc  # noqa: F401

    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is not a model saved by Keras: it is no zip archive. Save "
            "a model with `model.save('FILE.keras')`."
        )
    known: dict[str, Any] = {}
    for module in modules:
        known |= _members(module)
    try:
        model = keras.saving.load_model(path, known, compile=False)
    except Exception as error:
        raise ValueError(
            f"{path} could not be loaded as a Keras model: {_reason(error)}"
        ) from error
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"{path} must hold a `keras.Model`. Received: a "
            f"{type(model).__name__}"
        )
    return model


def load_arrays(path: Path, names: Sequence[str] = ()) -> Any:
    """Load the inputs of a model.

    Args:
        path: path of a `.npz` file that holds `x` or an array for each input,
            or of a `.npy` file.
        names: sequence of str, names of the model's inputs. Defaults to none.

    Returns:
        numpy array, or dict from name to array.

    Raises:
        ValueError: if the file holds no such arrays.
    """
    try:
        with open(path, "rb") as opened:  # np.load may leave it open
            loaded = np.load(opened, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            wanted = _wanted(loaded.files, names)
            arrays = {name: loaded[name] for name in wanted}
    except Exception as error:
        raise ValueError(
            f"{path} could not be read as arrays: {_reason(error)} Save them "
            "with `numpy.savez('FILE.npz', x=x)`."
        ) from error
    if arrays:
        return arrays["x"] if list(arrays) == ["x"] else arrays
    wanted = "`x`, or one for each input of the model"
    if names:
        wanted += f": {', '.join(map(repr, names))}"
    raise ValueError(
        f"{path} must hold an array {wanted}. Received: arrays "
        f"{_validation.shown(loaded.files)}"
    )


def load_labels(path: Path) -> np.ndarray | None:
    """Load the array `y` of a `.npz` file, if it has one.

    Args:
        path: path of the file.

    Returns:
        numpy array or None.

    Raises:
        ValueError: if `y` cannot be read.
    """
    if not zipfile.is_zipfile(path):  # one array, of a .npy file
        return None
    try:
        with np.load(path, allow_pickle=False) as loaded:
            return loaded["y"] if "y" in loaded.files else None
    except Exception as error:
        raise ValueError(
            f"The labels `y` of {path} could not be read: {_reason(error)}"
        ) from error


def _wanted(given, names):
    """Return the names of the arrays to read, out of those in the file."""
    if names and set(names) <= set(given):
        return names
    if "x" in given:
        return ["x"]
    return [] if names else given


def _members(name):
    """Return the classes and functions of a module by their names."""
    sys.path.insert(0, "")  # a command does not search the current folder
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise ValueError(
            f"The module {name!r} could not be imported: {_reason(error)} Give "
            "its name as `import` takes it, without `.py`."
        ) from error
    finally:
        sys.path.remove("")
    return {
        key: value for key, value in vars(module).items() if callable(value)
    }


def _reason(error):
    """Return what went wrong, in the first sentence of the error."""
    text = " ".join(str(error).split()) or type(error).__name__
    unknown = re.search(r"Could not locate (\w+) '([^']+)'", text)
    if unknown:
        return (
            f"Keras does not know its {unknown[1]} {unknown[2]!r}. Name the "
            "module that defines it: `--import MODULE`."
        )
    sentence = re.split(r"(?<=[^.][.!?])\s", text, maxsplit=1)[0][:300]
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
