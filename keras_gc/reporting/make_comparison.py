"""`compare`: several models on the same examples."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from keras_gc import _validation
from keras_gc.reporting.comparison import Comparison
from keras_gc.reporting.make_report import report


def compare(
    models: Mapping[str, keras.Model | str | os.PathLike],
    x: Any,
    y: Any = None,
    **arguments: Any,
) -> Comparison:
    """Report on several models or checkpoints, on the same examples.

    Args:
        models: dict from a name to a built `keras.Model` or to the path of
            one saved as `.keras`. Files are loaded one at a time.
        x: the data, as for `keras_gc.report`. An iterator, which can be read
            only once, will not do for several models.
        y: the targets, as for `keras_gc.report`.
        **arguments: the other arguments of `keras_gc.report`.

    Returns:
        A `Comparison`: `print` it, `save` its page, or `to_pandas()`.

    Raises:
        TypeError: if `models` is not such a dict, or `x` is an iterator.
        ValueError: if there are none, or a file does not exist. And what
            `keras_gc.report` raises.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> models = {
    ...     name: keras.Sequential([
    ...         keras.Input((3,)),
    ...         keras.layers.Dense(1, kernel_initializer=name),
    ...     ])
    ...     for name in ("ones", "zeros")
    ... }
    >>> comparison = keras_gc.compare(models, np.ones((5, 3)))
    >>> comparison.ranking()
    ['zeros', 'ones']

    Reference: Munn et al. 2024 (arXiv 2405.15706) for ranking by embedding
        GC.
    """
    if not isinstance(models, Mapping):
        raise TypeError(
            "`models` must be a dict from names to models or paths of .keras "
            f"files. Received: models of type {type(models).__name__}"
        )
    if not models:
        raise ValueError("`models` must name at least one model. Received: {}")
    if hasattr(x, "__next__"):
        raise TypeError(
            "`x` must be readable once for each model: an array, or a dataset "
            f"that starts anew. Received: x of type {type(x).__name__}"
        )
    facts = {}
    for name, model in models.items():
        model = model if isinstance(model, keras.Model) else load(model)
        facts[str(name)] = report(model, x, y, **arguments).facts
    return Comparison(facts)


def load(path: str | os.PathLike) -> keras.Model:
    """Load a saved model.

    Args:
        path: of a `.keras` file.

    Returns:
        The model.

    Raises:
        TypeError: if the path is none.
        ValueError: if there is no such file, or it holds no whole model.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            "Each of `models` must be a `keras.Model` or the path of a .keras "
            f"file. Received: {_validation.shown(path)} (of type "
            f"{type(path).__name__})"
        )
    if not Path(path).exists():
        raise ValueError(
            f"No such file: {path}. Save a model with "
            "`model.save('FILE.keras')`."
        )
    if Path(path).suffix != ".keras":
        raise ValueError(
            "A checkpoint must hold a whole model, saved with "
            "`model.save('FILE.keras')`; for one of weights, build the model, "
            f"`load_weights`, and give the model. Received: {path}"
        )
    return keras.saving.load_model(path, compile=False)
