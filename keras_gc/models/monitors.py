"""Callbacks that watch `gc`, as EarlyStopping may."""

from typing import Any

import keras


def minimise_gc(callbacks: Any) -> None:
    """Tell callbacks that watch `gc` which way is better: down.

    Args:
        callbacks: as `keras.Model.fit` takes them.
    """
    for callback in keras.tree.flatten(callbacks):
        monitored = str(getattr(callback, "monitor", ""))
        if (
            monitored.removeprefix("val_") == "gc"
            and getattr(callback, "mode", None) == "auto"
        ):
            callback.mode = "min"
