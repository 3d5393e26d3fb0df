"""The implicit gradient penalty in History, beside GC."""

from typing import Any

import keras

from keras_gc.theory.implicit_gradient import ImplicitGradientMeter


class ImplicitGradientPenalty(keras.callbacks.Callback):
    """Log `(h / 4) ||grad L||^2` after each epoch, on data of its own.

    This is what gradient descent with learning rate h implicitly regularises,
    to be shown beside GC: see `keras_gc.theory.implicit_gradient_penalty`.
    Works with any compiled `keras.Model`.

    Args:
        x: array of inputs, or a structure of them.
        y: array of targets, or a structure of them.
        name: str, key in logs and History. Defaults to `"igr"`.
        learning_rate: float >= 0. Defaults to None: the optimizer's in that
            epoch.
        batch_size: int, size of the batches whose penalties are averaged.
            Defaults to None: one batch of all examples.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((8, 3)), np.ones((8, 2))
    >>> igr = keras_gc.callbacks.ImplicitGradientPenalty(x, y)
    >>> gc = keras_gc.callbacks.GeometricComplexity(x)
    >>> history = model.fit(x, y, callbacks=[gc, igr], verbose=0)
    >>> sorted(history.history)
    ['gc', 'igr', 'loss']

    Reference: Barrett & Dherin 2021 (arXiv 2009.11162).
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        name: str = "igr",
        *,
        learning_rate: float | None = None,
        batch_size: int | None = None,
    ):
        super().__init__()
        self.x = x
        self.y = y
        self.name = name
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self._meter: ImplicitGradientMeter | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Forget what was traced for an earlier fit."""
        self._meter = None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measure, and show the value in the logs; trace once."""
        if self._meter is None:  # a model may be built by its first batch
            self._meter = ImplicitGradientMeter(self.model)
        if logs is not None:
            logs[self.name] = self._meter(
                self.x, self.y, self.learning_rate, self.batch_size
            )
