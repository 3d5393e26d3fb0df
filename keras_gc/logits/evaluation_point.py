"""Which of a model's inputs the Jacobian is taken with respect to."""

from typing import Any

import keras
from keras import ops

from keras_gc import _validation, keras_seam
from keras_gc.estimators.estimator import check_floating


def input_dtype(model: keras.Model) -> str:
    """Return the dtype in which a model takes real inputs.

    Args:
        model: a `keras.Model`.

    Returns:
        str.
    """
    for tensor in getattr(model, "inputs", None) or ():
        if "float" in tensor.dtype:
            return tensor.dtype
    return model.variable_dtype


def check_built(model: keras.Model) -> None:
    """Raise if a model has no weights yet.

    Args:
        model: a `keras.Model`.

    Raises:
        TypeError: if it is not a `keras.Model`.
        ValueError: if it is not built.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            "`model` must be a `keras.Model`. Received: "
            f"model={_validation.shown(model)} (of type "
            f"{type(model).__name__})"
        )
    if not model.built:
        raise ValueError(
            "The model must be built before its geometric complexity can be "
            f"measured. Received: model '{model.name}' (of type "
            f"{type(model).__name__}), which is not. Call it on a batch of "
            "data once, or give it a `keras.Input`."
        )


def input_structure(model: keras.Model) -> Any:
    """Return the symbolic inputs of a model in their structure.

    Args:
        model: a `keras.Model`.

    Returns:
        `keras.KerasTensor` or structure of them; None where the model has no
        graph.
    """
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return None
    alone = inputs[0] if len(inputs) == 1 else inputs
    return getattr(model, "input", alone)  # a Sequential may have none yet


def has_fixed_batch(model: keras.Model) -> bool:
    """Return whether a model takes batches of one size only.

    Args:
        model: a `keras.Model`.

    Returns:
        bool.
    """
    inputs = getattr(model, "inputs", None) or ()
    return any(tensor.shape[0] is not None for tensor in inputs)


def cast_like_keras(model: keras.Model, x: Any) -> Any:
    """Return a batch as the model's inputs take it.

    A functional model casts what it is given to the dtypes of its inputs:
    images in uint8 become floats at a floating `keras.Input`, and that is
    where the Jacobian is taken.

    Args:
        model: a `keras.Model`.
        x: tensor or structure of tensors.

    Returns:
        The same structure.
    """
    leaves = keras.tree.flatten(x)
    inputs = [_input_of(model, i) for i in input_positions(model, x)]
    return keras.tree.pack_sequence_as(
        x,
        [
            _as_real(leaf, tensor)
            for leaf, tensor in zip(leaves, inputs, strict=True)
        ],
    )


def _input_of(model, index):
    return None if index is None else model.inputs[index]


def _as_real(leaf, tensor):
    if leaf is None or isinstance(leaf, str | bytes):
        return leaf
    if not keras_seam.is_dense_tensor(leaf):
        return leaf
    leaf = ops.convert_to_tensor(leaf)
    if tensor is None or "float" not in tensor.dtype or is_real(leaf):
        return leaf
    if keras.backend.standardize_dtype(leaf.dtype) == "string":
        return leaf
    return ops.cast(leaf, tensor.dtype)


def is_real(leaf: Any) -> bool:
    """Return whether a tensor can be differentiated with respect to."""
    if leaf is None or not hasattr(leaf, "dtype"):
        return False
    return "float" in keras.backend.standardize_dtype(leaf.dtype)


def input_positions(model: keras.Model, x: Any) -> list:
    """Return, for each leaf of a batch, which of `model.inputs` it feeds.

    Args:
        model: a `keras.Model`.
        x: tensor or structure of tensors.

    Returns:
        List of indices into `model.inputs`; None for a leaf that feeds none
        of them, or where the model has no such list.
    """
    count = len(keras.tree.flatten(x))
    inputs = getattr(model, "inputs", None) or []
    if isinstance(x, dict) and inputs:
        return _positions_by_name(model, x)
    return list(range(count)) if len(inputs) == count else [None] * count


def leaf_names(model: keras.Model, x: Any) -> list:
    """Return what the leaves of a batch are called, None where unknown.

    Args:
        model: a `keras.Model`.
        x: tensor or structure of tensors.

    Returns:
        List of a key of a dict, the name of an input, or None.
    """
    paths = [path for path, _ in keras.tree.flatten_with_path(x)]
    return [
        path[-1]
        if path and isinstance(path[-1], str)
        else None
        if position is None
        else model.inputs[position].name
        for path, position in zip(paths, input_positions(model, x), strict=True)
    ]


def _positions_by_name(model, x):
    by_name = {tensor.name: i for i, tensor in enumerate(model.inputs)}
    structure = input_structure(model)
    if isinstance(structure, dict):
        order = {id(tensor): i for i, tensor in enumerate(model.inputs)}
        by_name |= {
            key: order[id(tensor)]
            for key, tensor in structure.items()
            if id(tensor) in order
        }
    positions = []
    for path, _ in keras.tree.flatten_with_path(x):
        positions.append(by_name.get(path[-1]) if path else None)
    return positions


def differentiable_leaves(model: keras.Model, x: Any) -> list[int]:
    """Return which leaves of a batch the Jacobian is taken with respect to.

    These are the leaves that are real and that the model uses. Others (class
    ids, tokens, strings, a column that the model does not take) are passed
    through.

    Args:
        model: a `keras.Model`.
        x: tensor or structure of tensors, as `cast_like_keras` returns it.

    Returns:
        List of positions among the leaves, not empty.

    Raises:
        TypeError: if none of the inputs is real.
    """
    leaves = keras.tree.flatten(x)
    positions = input_positions(model, x)
    names_all = any(position is not None for position in positions)
    found = [
        index
        for index, leaf in enumerate(leaves)
        if is_real(leaf) and not (names_all and positions[index] is None)
    ]
    if not found:
        for leaf in leaves:
            if leaf is not None:
                check_floating("inputs", leaf)
    return found
