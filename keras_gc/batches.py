"""Any kind of data, as batches of input tensors."""

import itertools
import numbers
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import _validation
from keras_gc.input_tensors import (
    check_dense,
    check_structure,
    count_not_finite,
    input_tensors,
    num_rows,
)

_TAKES = (
    "`x` must be an array, a list or dict of arrays (one for each input), a "
    "DataFrame, a nested list of numbers, a `tf.data.Dataset`, a `PyDataset` "
    "or an iterable of batches."
)


def batches_of(
    x: Any,
    dtype: str,
    batch_size: int,
    *,
    inputs: Any = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> Iterator:
    """Yield the inputs batch by batch, as tensors.

    Warns at the end if examples held NaN or infinity.

    Args:
        x: array, list or dict of arrays, DataFrame, nested list of numbers,
            `tf.data.Dataset`, `PyDataset` or other iterable of batches, where
            a tuple is `(x, y)` or `(x, y, sample_weight)`.
        dtype: str, of real inputs that `inputs` does not describe. Others stay
            as they are.
        batch_size: int, for arrays.
        inputs: structure of `keras.KerasTensor`, the model's `inputs`: data
            are cast to their dtypes, as Keras does, and held against their
            shapes. Defaults to None, unknown.
        shuffle: bool, whether arrays are visited in random order. Defaults to
            False.
        seed: int, of that order. Defaults to None.

    Yields:
        Tensor or structure of tensors.

    Raises:
        TypeError: if `x` is not such data, or holds strings, ragged or sparse
            tensors.
        ValueError: if there are none, or their shapes do not fit together or
            do not fit the inputs.
    """
    _validation.positive_int("batch_size", batch_size)
    _validation.seed("seed", seed)
    total = broken = 0
    try:
        for batch in _raw_batches(x, inputs, batch_size, shuffle, seed):
            batch = input_tensors(batch, dtype, inputs)
            count = num_rows(batch)
            if count > 0:
                total += count
                broken += count_not_finite(batch)
                yield batch
    finally:  # also where the caller has had enough
        if broken:
            warnings.warn(
                f"{broken} of {total} examples in `x` hold NaN or infinity. "
                "Their Jacobians mean nothing, whatever number comes out: "
                "remove these rows, or fill in the values.",
                stacklevel=2,
            )
    if not total:
        raise ValueError(
            "`x` must hold at least one example. Received: no data."
        )


def check_ends(x: Any) -> None:
    """Raise if data are known to go on for ever.

    Args:
        x: data, as `batches_of` takes them.

    Raises:
        ValueError: for a `PyDataset` without a length and a `tf.data.Dataset`
            that repeats for ever.
    """
    if isinstance(x, keras.utils.PyDataset):
        endless = x.num_batches is None
    else:  # tf.data says -1 for ever, -2 for unknown
        cardinality = getattr(x, "cardinality", None)
        endless = callable(cardinality) and int(cardinality()) == -1
    if endless:
        raise ValueError(
            "`x` never ends, so all of it cannot be measured. Give `rtol=0.01` "
            "to stop where the standard error is small enough, or a part of "
            f"it, such as `x.take(10)`. Received: x={_validation.shown(x)}"
        )


def _raw_batches(x, inputs, batch_size, shuffle, seed):
    x = _as_arrays(x)
    if _is_arrays(x):
        check_structure(x, inputs)
        yield from _slices(x, batch_size, shuffle, seed)
        return
    if isinstance(x, keras.utils.PyDataset):
        x = _items(x)
    elif not isinstance(x, Iterable) or _is_no_data(x):
        raise TypeError(
            f"{_TAKES} Received: x={_validation.shown(x)} "
            f"(of type {type(x).__name__})"
        )
    for batch in x:
        yield _as_arrays(_inputs_of(batch))


def _is_no_data(x):
    """Whether something can be iterated over, but not to get batches."""
    if isinstance(x, Mapping):
        return len(x) > 0
    return isinstance(x, str | bytes) or hasattr(x, "_fields")


def _inputs_of(batch):
    """Return x of a batch `x`, `(x, y)` or `(x, y, sample_weight)`."""
    if not isinstance(batch, list | tuple) or hasattr(batch, "_fields"):
        return batch
    if isinstance(batch, list) and _is_numbers(batch):
        return batch
    if len(batch) not in {1, 2, 3}:
        raise ValueError(
            "Each batch in `x` must be x, `(x, y)` or `(x, y, sample_weight)`. "
            f"Received: a {type(batch).__name__} of {len(batch)} items"
        )
    return batch[0]


def _slices(x, batch_size, shuffle, seed):
    """Yield rows of arrays that have equally many."""
    for leaf in _leaves(x):
        check_dense(leaf)
    order = np.arange(num_rows(x))
    if shuffle:
        np.random.default_rng(seed).shuffle(order)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        if not shuffle:  # a slice: files are read as they are needed
            rows = slice(start, start + batch_size)
        yield keras.tree.map_structure(lambda leaf, r=rows: _take(leaf, r), x)


def _items(dataset):
    """Yield the batches of a PyDataset, which may be infinite."""
    count = dataset.num_batches
    for index in itertools.count() if count is None else range(count):
        yield dataset[index]


def _take(leaf, rows):
    if leaf is None or isinstance(rows, slice):
        return leaf if leaf is None else leaf[rows]
    if ops.is_tensor(leaf):
        return ops.take(leaf, rows, axis=0)
    return np.asarray(leaf)[rows]


def _leaves(x):
    return [leaf for leaf in keras.tree.flatten(x) if leaf is not None]


def _is_array(value):
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _is_arrays(x):
    leaves = _leaves(x)
    return bool(leaves) and all(_is_array(leaf) for leaf in leaves)


def _as_arrays(x):
    """Turn tables, images and nested lists of numbers into arrays."""
    if hasattr(x, "to_numpy"):  # pandas, polars
        return x.to_numpy()
    if _is_array(x):
        return x
    if isinstance(x, Mapping):
        _check_names(x)
        return {name: _as_arrays(value) for name, value in x.items()}
    if isinstance(x, list | tuple):
        if hasattr(x, "_fields"):  # a namedtuple, such as our Dataset
            return x
        if _is_numbers(x):
            return _stacked(x)
        return (tuple if isinstance(x, tuple) else list)(map(_as_arrays, x))
    if hasattr(x, "__array_interface__"):  # PIL
        return np.asarray(x)
    return x


def _check_names(x):
    """Raise if a dict has keys without an order: Keras flattens it by them."""
    try:
        sorted(x)
    except TypeError:
        raise TypeError(
            "The keys of a dict of inputs must be of one type, the names of "
            f"the inputs. Received: keys {_validation.shown(list(x))}"
        ) from None


def _is_numbers(value):
    """Whether a list holds numbers, or lists of them, and nothing else."""
    if isinstance(value, list | tuple):
        return all(map(_is_numbers, value))
    return isinstance(value, numbers.Number | np.generic)


def _stacked(rows):
    try:
        return np.asarray(rows)
    except ValueError:
        raise ValueError(
            "The rows of a nested list of numbers must have the same length. "
            f"Received: x={_validation.shown(rows)}"
        ) from None
