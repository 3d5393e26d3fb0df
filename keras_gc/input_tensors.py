"""One batch of data as the tensors that a model takes."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import _validation


def input_tensors(batch: Any, dtype: str, inputs: Any = None) -> Any:
    """Return a batch as tensors, each as its `keras.Input` wants it.

    Args:
        batch: array or structure of arrays.
        dtype: str, of real arrays whose input is not known.
        inputs: structure of `keras.KerasTensor`, the model's `inputs`, or
            None. Integers for a floating input become floats, as in Keras.

    Returns:
        Tensor or structure of tensors; None stays None.

    Raises:
        TypeError: if an array has no dense numbers.
        ValueError: if its shape is not that of its input, or there are other
            numbers of rows in the batch.
    """
    check_structure(batch, inputs)
    tensors = [
        None if leaf is None else _tensor(leaf, dtype, reference)
        for leaf, reference in _with_references(batch, inputs)
    ]
    batch = keras.tree.pack_sequence_as(batch, tensors)
    num_rows(batch)
    return batch


def num_rows(batch: Any) -> int:
    """Return how many examples a structure of arrays holds.

    Args:
        batch: array or structure of arrays.

    Returns:
        int.

    Raises:
        ValueError: if they do not hold equally many.
    """
    lengths = {
        leaf.shape[0] for leaf in keras.tree.flatten(batch) if leaf is not None
    }
    if len(lengths) > 1:
        raise ValueError(
            "All arrays in `x` must have the same number of examples. "
            f"Received: {sorted(lengths)}"
        )
    return lengths.pop() if lengths else 0


def count_not_finite(batch: Any) -> int:
    """Return how many rows of a batch hold NaN or infinity.

    Args:
        batch: tensor or structure of tensors.

    Returns:
        int.
    """
    broken = np.zeros(num_rows(batch), bool)
    for leaf in keras.tree.flatten(batch):
        if leaf is None or "float" not in _dtype(leaf):
            continue
        finite = ops.convert_to_numpy(ops.isfinite(leaf))
        broken |= ~finite.all(axis=tuple(range(1, finite.ndim)))
    return int(broken.sum())


def check_structure(x: Any, inputs: Any) -> None:
    """Raise if there is not one array for each input of the model.

    Args:
        x: array or structure of arrays.
        inputs: structure of `keras.KerasTensor`, or None.

    Raises:
        ValueError: if there are more or fewer, or a name is missing.
    """
    if inputs is None:
        return
    names = [_name(*each) for each in keras.tree.flatten_with_path(inputs)]
    given = list(x) if isinstance(x, dict) else keras.tree.flatten(x)
    if isinstance(x, dict) and all(name in x for name in names):
        return  # others are columns that the model does not take
    if isinstance(x, dict) and len(names) > 1:
        is_right = None in names
    else:
        is_right = len(given) == len(names)
    if is_right:
        return
    received = (
        f"arrays for {given}"
        if isinstance(x, dict)
        else (
            f"a {type(x).__name__} of {len(given)} arrays"
            if isinstance(x, list | tuple)
            else "one array"
        )
    )
    known = "" if None in names else f": {names}"
    raise ValueError(
        "`x` must hold one array for each input of the model, which has "
        f"{len(names)}{known}. {_cure(x, len(names), len(given))}Received: "
        f"{received}"
    )


def _cure(x, wanted, given):
    if wanted > 1 or isinstance(x, dict):
        return "Give a list of them, or a dict by their names. "
    if isinstance(x, tuple) and given <= 3:
        return "Of `(x, y)` give x alone: the labels are not needed. "
    return (
        "For a list of single examples give `numpy.stack(x)`, for a list of "
        "batches an iterator: `iter(x)`. "
    )


def _name(path, tensor):
    """Return an input's name in a dict of data; None if it was given none."""
    name = path[-1] if path and isinstance(path[-1], str) else tensor.name
    return None if name.startswith("keras_tensor") else name


def check_dense(value: Any) -> None:
    """Raise for ragged and sparse tensors, and for scalars.

    Args:
        value: array or tensor of any kind.

    Raises:
        TypeError: if it is ragged or sparse.
        ValueError: if it has no axis of examples.
    """
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
            "being that of the examples. Received: a scalar. Make a batch of "
            "examples: `numpy.array([x])`, `dataset.batch(32)`."
        )


def _with_references(batch, inputs):
    """Return pairs: each array, and the `keras.Input` it is for, or None."""
    leaves = keras.tree.flatten_with_path(batch)
    references = (
        keras.tree.flatten_with_path(inputs) if inputs is not None else []
    )
    by_name = {_name(*each): each[1] for each in references}
    if isinstance(batch, dict) and (
        len(references) > 1 or not by_name.keys().isdisjoint(batch)
    ):
        return [(leaf, by_name.get(path[-1])) for path, leaf in leaves]
    if len(leaves) != len(references):
        return [(leaf, None) for _, leaf in leaves]
    return [
        (leaf, reference)
        for (_, leaf), (_, reference) in zip(leaves, references, strict=True)
    ]


def _tensor(value, dtype, reference):
    if not (hasattr(value, "shape") and hasattr(value, "dtype")):
        value = np.asarray(value)
        if value.dtype.kind in "SU":
            raise _not_numbers(value.dtype)
    check_dense(value)
    if reference is not None and reference.dtype == "string":
        return ops.convert_to_tensor(value)
    if not ops.is_tensor(value):
        value = _numbers(value)
    name = _dtype(value)
    if name == "string":
        raise _not_numbers(name)
    if "complex" in name:
        raise TypeError(
            "The Jacobian needs real inputs. Received: an array of dtype "
            f"{name}. Give the real and imaginary parts as two features."
        )
    if reference is not None:
        dtype = reference.dtype
        value = _fit_rank(value, reference)
    elif "float" not in name:
        return _converted(value, name)
    if isinstance(value, np.ndarray) and dtype in np.sctypeDict:
        with np.errstate(over="ignore", invalid="ignore"):
            value = value.astype(dtype)  # infinities are counted afterwards
    value = _converted(value, name)
    return value if _dtype(value) == dtype else ops.cast(value, dtype)


def _converted(value, name):
    """Return an array as a tensor, or raise if the backend has none such."""
    try:
        return ops.convert_to_tensor(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"The backend '{keras.backend.backend()}' has no tensors of dtype "
            f"{name}. Cast that array, such as with `x.astype('int64')`. "
            f"Received: {_validation.shown(value)}"
        ) from error


def _numbers(value):
    """Return any array as a NumPy array of numbers, or raise."""
    if hasattr(value, "detach"):  # torch's, under another backend
        value = value.detach().cpu()
    value = np.asarray(value)
    if value.dtype.kind == "O" and not any(
        isinstance(one, str | bytes) for one in value.flat
    ):
        try:  # such as numbers and bools in one table
            value = value.astype("float64")
        except (TypeError, ValueError):
            pass
    kind, name = value.dtype.kind, value.dtype.name
    if kind == "V" and "float" in name:  # bfloat16 and shorter
        return value.astype("float32")
    if kind not in "bifuc":
        raise _not_numbers(value.dtype)
    if kind == "f" and value.dtype.itemsize > 8:  # too long for Keras
        return value.astype("float64")
    return value


def _not_numbers(dtype):
    return TypeError(
        "The Jacobian needs floating point inputs. Received: an array of "
        f"dtype {dtype}. Encode strings before the model, and measure from the "
        "embedding: `inputs='NAME'`."
    )


def _fit_rank(value, reference):
    """Return the value with the axes of its input, or raise."""
    shape, wanted = tuple(value.shape), tuple(reference.shape)
    if len(shape) == len(wanted) - 1 and wanted[-1] == 1:  # as Keras does
        value = value[..., None]
        shape = (*shape, 1)
    elif len(shape) == len(wanted) + 1 and shape[-1] == 1:
        value = value[..., 0]
        shape = shape[:-1]
    if len(shape) == len(wanted) and all(
        size is None or size == given
        for size, given in zip(wanted[1:], shape[1:], strict=True)
    ):
        return value
    cure = ""
    if len(shape) == len(wanted) - 1:
        cure = (
            " For one example give `x[None]`; batch a dataset of single "
            "examples: `dataset.batch(32)`."
        )
    raise ValueError(
        f"The model's input '{reference.name}' takes batches of shape {wanted}."
        f"{cure} Received: shape {_validation.shown(tuple(value.shape))}"
    )


def _dtype(value):
    return keras.backend.standardize_dtype(value.dtype)
