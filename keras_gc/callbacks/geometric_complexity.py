"""GC in the History of a stock keras.Model."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_gc import _validation, keras_seam
from keras_gc.batches import batches_of
from keras_gc.meter import Meter


class GeometricComplexity(keras.callbacks.Callback):
    """Measure GC during training of any `keras.Model`, on data of its own.

    The model is not changed, and its train step is not slowed down: the
    measurement runs after an epoch or every n batches, in inference mode.

    Args:
        x: the inputs to measure on: arrays, or any other data that
            `keras_gc.geometric_complexity` takes and that can be read again
            and again.
        every: `"epoch"`, or an int n >= 1: after every n-th batch and at the
            end of each epoch. With `steps_per_execution` batches come in
            groups, and a measurement waits for the end of its group. Defaults
            to `"epoch"`.
        name: str, key in logs and History. Defaults to `"gc"`.
        estimator: `"auto"`, a name or an `Estimator`. Defaults to `"auto"`.
        inputs: str or list of str, layers to measure from. Defaults to the
            model's inputs.
        outputs: str, a layer to measure to. Defaults to the logits.
        input_scale: units of the inputs, as in `geometric_complexity`.
            Defaults to None.
        batch_size: int, examples at a time. Defaults to 32.
        seed: int, makes the values repeatable. Defaults to None.

    Attributes:
        history: list of `(step, value)`, one for each measurement; steps are
            batches since training began.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if an argument is outside its range.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((8, 3)), np.ones((8, 2))
    >>> gc = keras_gc.callbacks.GeometricComplexity(x)
    >>> history = model.fit(x, y, callbacks=[gc], verbose=0)
    >>> sorted(history.history)
    ['gc', 'loss']
    """

    def __init__(
        self,
        x: Any,
        every: str | int = "epoch",
        name: str = "gc",
        *,
        estimator: Any = "auto",
        inputs: str | Sequence[str] | None = None,
        outputs: str | None = None,
        input_scale: Any = None,
        batch_size: int = 32,
        seed: int | None = None,
    ):
        super().__init__()
        if not (isinstance(every, str) and every == "epoch"):
            _validation.positive_int("every", every)
        self.x = x
        self.every: Any = every
        self.name = name
        self.estimator = estimator
        self.inputs = inputs
        self.outputs = outputs
        self.input_scale = input_scale
        self.batch_size = batch_size
        self.seed = seed
        self.history: list[tuple[int, float]] = []
        self._meter: Meter | None = None
        self._step = self._epoch_start = 0

    def set_model(self, model: keras.Model) -> None:
        """Move to the front: other callbacks look for the value in the logs."""
        super().set_model(model)
        callbacks = keras_seam.callbacks_beside()
        if self in callbacks:
            callbacks.remove(self)
            callbacks.insert(0, self)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Begin a new record; trace once for all measurements."""
        self.history = []
        self._step = 0
        self._meter = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Note where the epoch begins."""
        self._epoch_start = self._step

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Measure after every n-th batch."""
        # With `steps_per_execution` Keras names the last of several batches.
        before, self._step = self._step, self._epoch_start + batch + 1
        if self.every != "epoch" and (
            self._step // self.every > before // self.every
        ):
            # On JAX the trainer holds the weights while an epoch runs.
            if hasattr(self.model, "jax_state_sync"):
                self.model.jax_state_sync()
            self._measure()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measure, and show the value in the logs."""
        if not self.history or self.history[-1][0] != self._step:
            self._measure()
        if logs is not None:
            logs[self.name] = self.history[-1][1]

    def _measure(self):
        if self._meter is None:
            self._meter = Meter(
                self.model,
                self.estimator,
                self.inputs,
                self.outputs,
                self.seed,
                self.input_scale,
            )
        total, count = 0.0, 0
        batches = batches_of(
            self.x,
            self._meter.dtype,
            self.batch_size,
            inputs=self._meter.inputs,
        )
        for batch in batches:
            values = self._meter(batch)
            total, count = total + values.sum(), count + len(values)
        self.history.append((self._step, float(total / count)))
