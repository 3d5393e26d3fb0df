"""What is measured of a trained classifier: GC, loss and accuracy."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_gc.datasets import Dataset
from keras_gc.meter import Meter


def measure(
    model: keras.Model,
    data: Dataset,
    num_gc: int,
    gc: "ExactGC",
    loss: str = "cross_entropy",
) -> dict:
    """Measure loss, accuracy and exact GC.

    Args:
        model: `keras.Model`, a network that returns logits.
        data: `Dataset`, the examples.
        num_gc: int, number of test examples, and of training examples, on which
            GC is measured.
        gc: `ExactGC`, `ExactGC(model)`.
        loss: str, a name of `LOSSES`. Defaults to "cross_entropy".

    Returns:
        A dict of numbers: how many examples there were (a small data set has
        fewer than asked for), and what was measured. Losses are
        without any penalty; `chance_accuracy` is the accuracy
        of always guessing the most frequent class of the training examples.
    """
    train_loss, train_accuracy = evaluate(
        model, data.x_train, data.y_train, loss
    )
    test_loss, test_accuracy = evaluate(model, data.x_test, data.y_test, loss)
    most_frequent = np.bincount(data.y_train).argmax()
    return {
        "num_train": len(data.y_train),
        "num_test": len(data.y_test),
        "train_loss": train_loss,
        "train_accuracy": train_accuracy,
        "chance_accuracy": float(np.mean(data.y_train == most_frequent)),
        "test_loss": test_loss,
        "test_accuracy": test_accuracy,
        "gc": gc(data.x_test[:num_gc]),
        "gc_train": gc(data.x_train[:num_gc]),
    }


class ExactGC:
    """Exact GC of one network, traced once and called often.

    Args:
        model: `keras.Model`, a built network that returns logits.
        batch_size: int, examples at a time.
    """

    def __init__(self, model: keras.Model, batch_size: int = 100):
        self._meter = Meter(model, "exact_reverse")
        self._batch_size = batch_size

    def __call__(self, x: np.ndarray) -> float:
        """Measure.

        Args:
            x: array, the examples; a multiple of the batch size is best.

        Returns:
            GC, in (logit / input unit)^2.
        """
        return float(np.mean(self.norms(x)))

    def norms(self, x: np.ndarray) -> np.ndarray:
        """Measure each example.

        Args:
            x: array, the examples; a multiple of the batch size is best.

        Returns:
            Squared Jacobian norms of shape `(examples,)`.
        """
        batches = np.split(x, range(self._batch_size, len(x), self._batch_size))
        norms = [self._meter(keras.ops.convert_to_tensor(b)) for b in batches]
        return np.concatenate(norms)


def evaluate(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    loss: str = "cross_entropy",
) -> tuple[float, float]:
    """Measure loss and accuracy.

    Args:
        model: `keras.Model`, a network that returns logits.
        x: array, the examples.
        y: array, their integer labels.
        loss: str, a name of `LOSSES`. Defaults to "cross_entropy".

    Returns:
        `(loss, accuracy)`.
    """
    logits = model.predict(x, batch_size=500, verbose=0)
    return LOSSES[loss](logits, y), float(np.mean(logits.argmax(-1) == y))


def cross_entropy(logits: Any, y: np.ndarray) -> float:
    """Return the mean cross-entropy of logits.

    Args:
        logits: Of shape `(examples, classes)`.
        y: array, integer labels.

    Returns:
        A float, in nats.
    """
    losses = keras.losses.sparse_categorical_crossentropy(
        y, logits, from_logits=True
    )
    return float(np.mean(keras.ops.convert_to_numpy(losses)))


def squared_errors(outputs: Any, y: Any) -> Any:
    """Return each example's squared error against its centred one-hot label.

    Centred, so that the labels sum to 0: linear outputs that learn plain
    one-hot labels sum to 1 and may be mistaken for probabilities.

    Args:
        outputs: tensor of shape `(examples, classes)`.
        y: tensor of integer labels.

    Returns:
        A tensor of shape `(examples,)`, means over the classes.
    """
    labels = keras.ops.one_hot(
        keras.ops.cast(keras.ops.reshape(y, (-1,)), "int32"),
        outputs.shape[-1],
        dtype=outputs.dtype,
    )
    centred = labels - 1 / outputs.shape[-1]
    return keras.ops.mean(keras.ops.square(outputs - centred), -1)


LOSSES: dict[str, Callable[[Any, Any], float]] = {
    "cross_entropy": cross_entropy,
    "squared": lambda outputs, y: float(
        np.mean(
            keras.ops.convert_to_numpy(
                squared_errors(keras.ops.convert_to_tensor(outputs), y)
            )
        )
    ),
}
