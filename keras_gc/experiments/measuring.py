"""What is measured of a trained classifier: GC, loss and accuracy."""

from typing import Any

import keras
import numpy as np

from keras_gc.datasets import Dataset
from keras_gc.meter import Meter


def measure(
    model: keras.Model, data: Dataset, num_gc: int, gc: "ExactGC"
) -> dict:
    """Measure loss, accuracy and exact GC.

    Args:
        model: `keras.Model`, a network that returns logits.
        data: `Dataset`, the examples.
        num_gc: int, number of test examples, and of training examples, on which
            GC is measured.
        gc: `ExactGC`, `ExactGC(model)`.

    Returns:
        A dict of numbers: how many examples there were (a small data set has
        fewer than asked for), and what was measured. Losses are
        cross-entropies without any penalty; `chance_accuracy` is the accuracy
        of always guessing the most frequent class of the training examples.
    """
    train_loss, train_accuracy = evaluate(model, data.x_train, data.y_train)
    test_loss, test_accuracy = evaluate(model, data.x_test, data.y_test)
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
        batches = np.split(x, range(self._batch_size, len(x), self._batch_size))
        norms = [self._meter(keras.ops.convert_to_tensor(b)) for b in batches]
        return float(np.mean(np.concatenate(norms)))


def evaluate(
    model: keras.Model, x: np.ndarray, y: np.ndarray
) -> tuple[float, float]:
    """Measure cross-entropy and accuracy.

    Args:
        model: `keras.Model`, a network that returns logits.
        x: array, the examples.
        y: array, their integer labels.

    Returns:
        `(loss, accuracy)`.
    """
    logits = model.predict(x, batch_size=500, verbose=0)
    return cross_entropy(logits, y), float(np.mean(logits.argmax(-1) == y))


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
    return float(keras.ops.mean(losses))
