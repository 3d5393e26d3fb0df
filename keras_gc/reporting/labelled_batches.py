"""Inputs, targets and places in the data, batch by batch."""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_gc.batches import batches_of


class LabelledBatches:
    """Batches `(x, y, indices)` of any kind of data.

    `y` comes from the argument or, for data that come in batches `(x, y)`,
    with them; it is None where there is none.

    Args:
        x: the data, as for `keras_gc.geometric_complexity`.
        y: array with one row per example, or None.
        dtype: of real inputs.
        batch_size: int, for arrays.
        max_examples: int, not more than these.
        shuffle: whether arrays are visited in random order.
        seed: int, of that order.

    Raises:
        TypeError: if `y` comes twice.
        ValueError: if the lengths of `x` and `y` differ.
    """

    def __init__(self, x, y, dtype, batch_size, max_examples, shuffle, seed):
        if isinstance(x, list) and _is_numbers(x):
            x = np.asarray(x)
        self.num_available = _num_rows(x)
        self.batch_size = batch_size
        self.max_examples = max_examples
        if self.num_available is None:
            if y is not None:
                raise TypeError(
                    "`y` must be None where `x` comes in batches: let each "
                    f"batch be `(x, y)`. Received: y of type "
                    f"{type(y).__name__}, x of type {type(x).__name__}"
                )
            data, shuffle = _enumerated(x), False
        else:
            data = (x, np.arange(self.num_available))
            if y is not None:
                data = (x, _rows_of(y, self.num_available), data[1])
            shuffle = shuffle or max_examples < self.num_available
        self._data = data
        self._arguments = dtype, batch_size, shuffle, seed

    @property
    def num_batches(self) -> int | None:
        """How many batches come at most; None where that is not known."""
        if self.num_available is None:
            return None
        count = min(self.num_available, self.max_examples)
        return -(-count // self.batch_size)

    def __iter__(self) -> Iterator[tuple]:
        dtype, batch_size, shuffle, seed = self._arguments
        left = self.max_examples
        for batch in batches_of(
            self._data, dtype, batch_size, shuffle=shuffle, seed=seed
        ):
            batch = keras.tree.map_structure(
                lambda leaf, left=left: leaf[:left], batch
            )
            x, *y, indices = batch
            indices = keras.ops.convert_to_numpy(indices)
            y = keras.ops.convert_to_numpy(y[0]) if y else None
            yield x, y, indices
            left -= len(indices)
            if left == 0:
                return


def _num_rows(x: Any) -> int | None:
    """Count the examples of arrays; None for data that come in batches."""
    leaves = keras.tree.flatten(x)
    # As `batches_of` tells arrays from batches.
    if leaves and all(hasattr(leaf, "shape") for leaf in leaves):
        return None if 0 in map(_rank, leaves) else leaves[0].shape[0]
    return None


def _is_numbers(x):
    return all(isinstance(leaf, int | float) for leaf in keras.tree.flatten(x))


def _rank(leaf):
    return len(leaf.shape)


def _rows_of(y, count):
    y = np.asarray(y if hasattr(y, "iloc") else keras.ops.convert_to_numpy(y))
    if y.ndim == 0 or len(y) != count:
        raise ValueError(
            "`y` must have one row for each example of `x`. Received: y of "
            f"shape {y.shape}, {count} examples"
        )
    if y.dtype.kind not in "iufb":
        raise TypeError(
            "`y` must hold class ids, one-hot rows or numbers; names of "
            "classes go to `class_names`. Received: y of dtype "
            f"{y.dtype}. `numpy.unique(y, return_inverse=True)` makes ids."
        )
    return y


def _enumerated(batches):
    """Yield `((x, y, indices),)`, which is all x to `batches_of`."""
    if isinstance(batches, keras.utils.PyDataset):
        dataset, count = batches, batches.num_batches
        numbers = itertools.count() if count is None else range(count)
        batches = (dataset[number] for number in numbers)
    start = 0
    for batch in batches:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        size = len(keras.tree.flatten(x)[0])
        indices = np.arange(start, start + size)
        start += size
        if y is None:
            yield ((x, indices),)
        else:
            yield ((x, _one_target(y), indices),)


def _one_target(y):
    leaves = keras.tree.flatten(y)
    if len(leaves) != 1:
        raise ValueError(
            "`y` must be one array: a report compares one output with one "
            f"target. Received: batches with {len(leaves)} targets. Give "
            "batches of `(x,)`, and name an output: `outputs='NAME'`."
        )
    return leaves[0]
