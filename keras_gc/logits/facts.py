"""What has to be true of a model's outputs, looked at on one batch.

Much about a model is known from its graph. Values tell the rest: whether the
outputs are probabilities, and whether each row depends on its own example
alone. The facts fit in a small tensor, so that a train step can compute them on
its first batch, inside its graph; the host reads them afterwards.
"""

import inspect
import warnings
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_gc import keras_seam
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators.estimator import flatten_rows
from keras_gc.logits.probabilities import HIDDEN_LOGITS

# Losses of Keras that take probabilities unless they are told otherwise.
_OF_PROBABILITIES = "crossentropy"


class Facts(NamedTuple):
    """What one batch shows: numbers, 1 for yes.

    With several replicas each number is the mean of theirs.

    Attributes:
        seen: whether a batch was looked at.
        sums_to_one: whether outputs are not negative and sum to 1 in each
            row.
        in_unit_interval: whether outputs lie between 0 and 1 although no
            softmax or sigmoid was stepped over to get them.
        depends: whether the first row changes when the others are replaced.
        rows_per_example: rows of outputs divided by examples.
    """

    seen: Any
    sums_to_one: Any
    in_unit_interval: Any
    depends: Any
    rows_per_example: Any

    @classmethod
    def of(cls, network: Any, x: Any) -> "Facts":
        """Look at one batch, in inference mode.

        Cost: three forward passes.

        Args:
            network: a `LogitNetwork`.
            x: the model's input, tensors.

        Returns:
            Facts of scalar float32 tensors.
        """
        logits = _logits(network, x)
        flatten_rows(logits)  # says what is wrong with a scalar
        batch = _num_examples(x)
        known = network.steps_over or [True] * len(logits)
        unknown = [
            leaf for leaf, one in zip(logits, known, strict=True) if not one
        ]
        rows = [ops.cast(ops.shape(leaf)[0], "float32") for leaf in logits]
        return cls(
            seen=ops.ones(()),
            sums_to_one=_any([_sums_to_one(leaf) for leaf in logits]),
            in_unit_interval=_any([
                _in_unit_interval(leaf) for leaf in unknown
            ]),
            depends=_depends(network, x, logits),
            rows_per_example=sum(rows) / len(rows) / ops.cast(batch, "float32"),
        )

    def stack(self) -> Any:
        """Return them as one float32 tensor `(5,)`."""
        return ops.stack([ops.cast(fact, "float32") for fact in self])


def check_facts(facts: Facts, network: Any, loss: Any = None) -> None:
    """Raise or warn if the value would not be the GC of logits.

    Args:
        facts: `Facts` of numbers.
        network: the `LogitNetwork` that they are of.
        loss: a loss or structure of losses, what `compile` was given.
            Defaults to None: not known.

    Raises:
        ValueError: if the outputs are probabilities, do not have one row for
            each example, or depend on other examples of the batch.
    """
    if not facts.seen:
        return
    if facts.rows_per_example != 1:
        raise ValueError(
            "Geometric complexity needs outputs with one row per example. "
            f"Received: {facts.rows_per_example:.4g} rows of outputs for each "
            "example. Return values of shape (batch, ...), with nothing folded "
            "into the batch axis or reduced over it."
        )
    if facts.depends > 0:
        raise ValueError(
            "Geometric complexity is a mean over examples, and needs each row "
            "of outputs to depend on its own example alone. Received: a model "
            "whose first row of outputs changed when the other examples of "
            "the batch were replaced. Measure to a layer before the examples "
            "are compared or averaged: `outputs='NAME'` (`gc_outputs` in "
            "`compile`)."
        )
    if network.outputs is not None:
        return  # a layer that is named is measured as it is
    if facts.sums_to_one >= 1:
        raise ValueError(
            HIDDEN_LOGITS.format("rows of outputs that are >= 0 and sum to 1")
        )
    if facts.in_unit_interval >= 1:
        name = _loss_of_probabilities(loss)
        if name is not None:
            raise ValueError(
                HIDDEN_LOGITS.format(
                    "outputs between 0 and 1, which the loss "
                    f"{name} takes for probabilities (from_logits=False)"
                )
            )
        if network.ends_in_keras_code:
            return  # a sigmoid in Keras's code would have been found
        warnings.warn(
            "All outputs of this model lie between 0 and 1. If a sigmoid in "
            "code of its own made them so, this is the geometric complexity "
            "of probabilities, not of logits: return logits, or name the layer "
            "to measure to: `outputs='NAME'` (`gc_outputs` in `compile`).",
            stacklevel=2,
        )


def check_not_probabilities(logits: np.ndarray) -> None:
    """Raise if concrete outputs are probabilities.

    Args:
        logits: numpy array, the classes on its last axis.

    Raises:
        ValueError: if each row is >= 0 and sums to 1.
    """
    if float(_sums_to_one(ops.convert_to_tensor(logits))):
        raise ValueError(
            HIDDEN_LOGITS.format("rows of outputs that are >= 0 and sum to 1")
        )


def _logits(network, x):
    with discard_updates():
        return network(network.point(x), x)[0]


def _num_examples(x):
    leaf = next(leaf for leaf in keras.tree.flatten(x) if leaf is not None)
    return ops.shape(leaf)[0]


def _any(flags):
    return ops.max(ops.stack(flags)) if flags else ops.zeros(())


def _sums_to_one(leaf):
    if len(leaf.shape) < 2 or leaf.shape[-1] == 1:
        return ops.zeros(())
    half = keras.backend.standardize_dtype(leaf.dtype) in _HALF
    leaf = ops.cast(leaf, "float32")
    counts = ops.any(leaf != 0, axis=-1)  # the others are masked
    far = ops.abs(ops.sum(leaf, axis=-1) - 1) > (1e-2 if half else 1e-3)
    wrong = ~ops.all(leaf >= 0) | ops.any(far & counts) | ~ops.any(counts)
    return 1.0 - ops.cast(wrong, "float32")


def _in_unit_interval(leaf):
    leaf = ops.cast(leaf, "float32")
    inside = ops.all((leaf >= 0) & (leaf <= 1)) & ops.any(leaf > 0)
    return ops.cast(inside, "float32")


def _depends(network, x, logits):
    """Return 1 if the outputs of the first example depend on the others."""
    others = _logits(network, keras.tree.map_structure(_repeat_first, x))
    again = _logits(network, x)
    changed = _any([_moved(a, b) for a, b in zip(logits, others, strict=True)])
    # Where two runs differ by noise that no seed of Keras controls, nothing can
    # be said.
    noisy = _any([_moved(a, b) for a, b in zip(logits, again, strict=True)])
    return changed * (1.0 - noisy)


_HALF = {"float16", "bfloat16"}


def _moved(before, after):
    half = keras.backend.standardize_dtype(before.dtype) in _HALF
    before, after = (ops.cast(t[:1], "float32") for t in (before, after))
    size = ops.max(ops.abs(before)) + ops.max(ops.abs(after))
    distance = ops.max(ops.abs(before - after))
    return ops.cast(distance > (3e-2 if half else 1e-3) * size, "float32")


def _repeat_first(leaf):
    if leaf is None or not keras_seam.is_dense_tensor(leaf):
        return leaf
    return ops.repeat(leaf[:1], ops.shape(leaf)[0], axis=0)


def _loss_of_probabilities(loss):
    """Return the name of a loss that takes probabilities, or None."""
    for one in keras.tree.flatten(loss):
        function = getattr(one, "func", one)  # functools.partial
        name = one if isinstance(one, str) else ""
        name = name or getattr(function, "name", "")
        name = str(name or getattr(function, "__name__", ""))
        if _OF_PROBABILITIES in name and not _takes_logits(one):
            return name
    return None


def _takes_logits(loss):
    if "from_logits" in getattr(loss, "keywords", {}):
        return loss.keywords["from_logits"]
    own = getattr(loss, "from_logits", None)
    if own is not None:
        return own
    try:
        parameters = inspect.signature(loss).parameters
    except (TypeError, ValueError):  # a name
        return False
    default = getattr(parameters.get("from_logits"), "default", False)
    return default is True


def as_facts(values: Any) -> Facts:
    """Return facts from what `Facts.stack` gave, on the host."""
    return Facts(*(float(value) for value in np.asarray(values)))
