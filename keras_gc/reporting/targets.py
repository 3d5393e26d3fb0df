"""What `y` means, and what the model says to it."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Targets:
    """Labels and predictions of the examples of a survey.

    Attributes:
        task: "classes", "numbers" or "" where there is no `y`.
        labels: text for each example; empty without `y`.
        predictions: text for each example.
        ids: class of each example, for classes.
        is_right: whether each prediction is right; None where that has no
            meaning.
        errors: mean squared error of each example, for numbers.
        margins: the label's logit minus the largest other one; None without
            two logits and labels.
    """

    task: str
    labels: tuple[str, ...]
    predictions: tuple[str, ...]
    ids: np.ndarray | None = None
    is_right: np.ndarray | None = None
    errors: np.ndarray | None = None
    margins: np.ndarray | None = None


def read_targets(
    y: np.ndarray | None,
    logits: np.ndarray,
    output_shapes: list[tuple],
    *,
    class_names: Sequence[str] | None = None,
    are_logits: bool = True,
    are_classes: bool = False,
) -> Targets:
    """Find out what `y` holds by comparing it with the outputs.

    Args:
        y: ids `(n,)`, one-hot rows `(n, K)`, numbers, or None.
        logits: array `(n, K)`.
        output_shapes: shape of one example in each output of the model.
        class_names: names by id, or None.
        are_logits: whether the outputs are the model's own, not a layer's.
        are_classes: whether a softmax or sigmoid was stepped over.

    Returns:
        `Targets`.

    Raises:
        ValueError: if `y` fits none of these.
    """
    name = _namer(class_names)
    if y is None:
        return Targets(
            "",
            (),
            _guesses(
                logits,
                output_shapes,
                are_logits and (are_classes or class_names),
                name,
            ),
        )
    if are_logits and (len(output_shapes) > 1 or len(output_shapes[0]) > 1):
        raise ValueError(
            "`y` must be None where the model has several outputs or one of "
            "more than one axis: what is right has no single answer then. "
            f"Received: y of shape {y.shape}, outputs of shapes "
            f"{output_shapes} per example. Leave `y` out, or measure to one "
            "output: `outputs='NAME'`."
        )
    num_outputs = logits.shape[1]
    ids = _class_ids(y, num_outputs if are_logits else None)
    if ids is None:
        return _numbers(y, logits, are_logits)
    labels = tuple(map(name, ids))
    if not are_logits:
        return Targets("classes", labels, (), ids)
    if num_outputs == 1:
        predicted, margins = (logits[:, 0] > 0).astype(int), None
    else:
        predicted, margins = logits.argmax(1), _margins(logits, ids)
    return Targets(
        "classes",
        labels,
        tuple(map(name, predicted)),
        ids,
        is_right=predicted == ids,
        margins=margins,
    )


def _namer(class_names):
    def name(number):
        if class_names is None:
            return str(int(number))
        if not 0 <= number < len(class_names):
            raise ValueError(
                "`class_names` must hold a name for each class. Received: "
                f"{len(class_names)} names, and class {int(number)}"
            )
        return str(class_names[int(number)])

    return name


def _class_ids(y, num_outputs):
    """Return ids, or None if `y` holds numbers."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    is_binary = bool(np.isin(y, (0, 1)).all())
    if y.ndim == 2 and is_binary:
        if (y.sum(1) == 1).all() and num_outputs in {None, y.shape[1]}:
            return y.argmax(1)
        raise ValueError(
            "`y` must hold one class for each example: ids of shape (n,) or "
            "one-hot rows of shape (n, K). Received: y of shape "
            f"{y.shape} of zeros and ones that are not one-hot for K="
            f"{num_outputs} outputs. Leave `y` out for several labels each."
        )
    if y.ndim != 1 or not (y == np.floor(y)).all() or y.min() < 0:
        return None
    if num_outputs == 1 and not is_binary:
        return None
    is_whole = y.dtype.kind in "iub"
    if num_outputs is None:
        return y.astype(int) if is_whole else None
    if y.max() >= max(num_outputs, 2):
        raise ValueError(
            "`y` must hold class ids below the number of outputs. Received: "
            f"ids up to {int(y.max())}, K={num_outputs} outputs"
        )
    return y.astype(int)


def _numbers(y, logits, are_logits):
    y = y.reshape(len(y), -1).astype("float64")
    if are_logits and y.shape != logits.shape:
        raise ValueError(
            "`y` must hold class ids of shape (n,), one-hot rows of shape "
            "(n, K), or a number for each output. Received: y of shape "
            f"{y.shape}, outputs of shape {logits.shape}"
        )
    labels = tuple(_as_text(row) for row in y)
    if not are_logits:
        return Targets("numbers", labels, ())
    errors = ((y - logits) ** 2).mean(1)
    predictions = tuple(_as_text(row) for row in logits)
    return Targets("numbers", labels, predictions, errors=errors)


def _guesses(logits, output_shapes, are_classes, name):
    if len(output_shapes) > 1 or len(output_shapes[0]) > 1:
        return ()
    if are_classes:
        num_outputs = logits.shape[1]
        chosen = logits[:, 0] > 0 if num_outputs == 1 else logits.argmax(1)
        return tuple(map(name, chosen))
    return tuple(_as_text(row) for row in logits)


def _as_text(row):
    shown = ", ".join(f"{value:.3g}" for value in row[:3])
    return shown + (", …" if len(row) > 3 else "")


def _margins(logits, ids):
    label = np.arange(logits.shape[1]) == ids[:, None]
    others = np.where(label, -np.inf, logits).max(1)
    return logits[label] - others
