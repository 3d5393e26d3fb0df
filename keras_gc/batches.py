"""Any kind of data, as batches of input tensors."""

import itertools
from collections.abc import Iterable, Iterator

import keras
import numpy as np
from keras import ops

from keras_gc import _validation


def batches_of(x, dtype, batch_size, *, shuffle=False, seed=None) -> Iterator:
    """Yield the inputs batch by batch, as tensors.

    Args:
        x: array, list or dict of arrays, `tf.data.Dataset`, `PyDataset` or
            other iterable of batches, where a tuple is `(x, y)` or
            `(x, y, sample_weight)`.
        dtype: of real inputs; others stay as they are.
        batch_size: int, for arrays.
        shuffle: whether arrays are visited in random order.
        seed: int or None, of that order.

    Yields:
        Tensor or structure of tensors.

    Raises:
        TypeError: if `x` is not such data, or holds strings, ragged or sparse
            tensors.
        ValueError: if there are none, or their lengths differ.
    """
    _validation.positive_int("batch_size", batch_size)
    empty = True
    for batch in _raw_batches(x, batch_size, shuffle, seed):
        batch = keras.tree.map_structure(lambda v: _tensor(v, dtype), batch)
        if keras.tree.flatten(batch)[0].shape[0] > 0:
            empty = False
            yield batch
    if empty:
        raise ValueError(
            "`x` must hold at least one example. Received: no data."
        )


def _raw_batches(x, batch_size, shuffle, seed):
    if not _is_arrays(x):
        if isinstance(x, keras.utils.PyDataset):
            x = _items(x)
        elif isinstance(x, str | bytes) or not isinstance(x, Iterable):
            raise TypeError(
                "`x` must be an array, a list or dict of arrays, a "
                "`tf.data.Dataset`, a `PyDataset` or an iterable of batches. "
                f"Received: x={x!r} (of type {type(x).__name__})"
            )
        for batch in x:
            yield keras.utils.unpack_x_y_sample_weight(batch)[0]
        return
    for leaf in keras.tree.flatten(x):
        _check_rows(leaf)
    lengths = {leaf.shape[0] for leaf in keras.tree.flatten(x)}
    if len(lengths) != 1:
        raise ValueError(
            "All arrays in `x` must have the same number of examples. "
            f"Received: {sorted(lengths)}"
        )
    (length,) = lengths
    order = np.arange(length)
    if shuffle:
        np.random.default_rng(seed).shuffle(order)
    for start in range(0, length, batch_size):
        rows = order[start : start + batch_size]
        yield keras.tree.map_structure(lambda leaf, r=rows: _take(leaf, r), x)


def _items(dataset):
    """Yield the batches of a PyDataset, which may be infinite."""
    count = dataset.num_batches
    for index in itertools.count() if count is None else range(count):
        yield dataset[index]


def _take(leaf, rows):
    if hasattr(leaf, "iloc"):  # pandas
        leaf = leaf.to_numpy()
    if isinstance(leaf, np.ndarray):
        return leaf[rows]
    return ops.take(leaf, rows, axis=0)


def _is_arrays(x):
    leaves = keras.tree.flatten(x)
    return bool(leaves) and all(
        hasattr(leaf, "shape")
        and hasattr(leaf, "dtype")
        or hasattr(leaf, "iloc")
        for leaf in leaves
    )


def _check_rows(value):
    """Raise for ragged and sparse tensors, and for scalars."""
    kind = f"{type(value).__module__}.{type(value).__name__}"
    layout = str(getattr(value, "layout", ""))  # torch's
    if any(word in (kind + layout).lower() for word in ("ragged", "sparse")):
        raise TypeError(
            "The Jacobian needs dense inputs: ragged and sparse tensors have "
            "no row of inputs of a fixed size. Convert them (`to_tensor()`, "
            "`tf.sparse.to_dense`, `toarray()`). Received: a "
            f"{type(value).__name__}"
        )
    if len(value.shape) == 0:
        raise ValueError(
            "`x` must hold arrays with one row per example, the first axis "
            "being that of the examples. Received: a scalar. Make an array of "
            "lists of numbers: `numpy.array(x)`."
        )


def _tensor(value, dtype):
    if not hasattr(value, "shape") or hasattr(value, "iloc"):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "OUS":
        raise TypeError(
            "The Jacobian needs floating point inputs. Received: an array of "
            f"dtype {value.dtype}. Encode strings before the model, and "
            "measure from the embedding: `inputs='NAME'`."
        )
    _check_rows(value)
    value = ops.convert_to_tensor(value)
    name = keras.backend.standardize_dtype(value.dtype)
    return ops.cast(value, dtype) if "float" in name else value
