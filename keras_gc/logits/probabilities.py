"""Softmax and sigmoid at the end of a model, which GC steps over.

GC is that of the logits. If a layer or operation of Keras turns them into
probabilities, its input is taken; if something else hides them, an error or a
warning says so.
"""

import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import backend, keras_seam

# Layers that apply their activation last, so that it can be left out.
_LINEAR_THEN_ACTIVATION = (
    keras.layers.Activation,
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
# Layers and operations that only rearrange what comes before them.
REARRANGING = frozenset({
    "Identity", "Dropout", "Reshape", "Flatten", "Permute", "Squeeze",
    "ExpandDims", "Transpose", "Cast",
})  # fmt: skip
# Those that put several tensors together: probabilities stay probabilities.
_MERGING = frozenset({
    "Concatenate", "Average", "Add", "Stack", "Maximum", "Minimum", "Multiply",
    "Mean", "Divide", "TrueDivide",
})  # fmt: skip
_OPERATIONS = {
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid",
    "LogSigmoid": "log_sigmoid",
}
_PROBE = np.array([[-1.5, 0.25, 2.0]], "float32")

HIDDEN_LOGITS = (
    "Geometric complexity is measured on logits, and this model returns "
    "probabilities from code in which the logits cannot be found. Return "
    "logits (and train with `from_logits=True`), or end in one "
    "`keras.layers.Softmax()` or `keras.layers.Activation('sigmoid')` layer "
    "for each output, which is stepped over, or name the layer to measure to: "
    "`outputs='NAME'` (`gc_outputs` in `compile`). Received: {}."
)


def last_operations(model: keras.Model) -> list | None:
    """Return, for each output, the operation that computes it.

    Operations that only rearrange the result of a softmax or sigmoid are
    passed over.

    Args:
        model: a built model.

    Returns:
        List of layers or operations; None if the model has no graph, or ends
        in a model that has none.

    Raises:
        ValueError: if probabilities are merged into an output, as by Average.
    """
    tensors = getattr(model, "outputs", None) or ()
    last = [_last_operation(tensor) for tensor in tensors]
    if not last or any(isinstance(op, keras.Model) for op in last):
        return None
    for tensor, operation in zip(tensors, last, strict=True):
        merged = _merged_probability(tensor)
        if merged is not None and merged is not operation:
            raise ValueError(
                HIDDEN_LOGITS.format(
                    f"the {activation_name(merged)} of '{merged.name}', whose "
                    "result goes through further layers before it is returned"
                )
            )
    return last


def say_what_is_stepped_over(model: keras.Model, heads: list) -> None:
    """Warn of each softmax or sigmoid that is left out.

    Args:
        model: the model.
        heads: list, for each output what is left out, or None.
    """
    for head in {id(head): head for head in heads if head}.values():
        warnings.warn(
            "Geometric complexity is measured on the logits: the "
            f"{activation_name(head)} of '{head.name}', at the end of model "
            f"'{model.name}', is stepped over (same weights, linear "
            "activation).",
            stacklevel=2,
        )


def without_activation(
    operation: Any, inputs: Any, *args: Any, **kwargs: Any
) -> Any:
    """Call a layer or operation as if its activation were linear.

    Args:
        operation: one of the layers that apply their activation last, or the
            softmax or sigmoid itself.
        inputs: its inputs.
        *args: further arguments of its call.
        **kwargs: keyword arguments of its call.

    Returns:
        What the activation is applied to.
    """
    if not hasattr(operation, "activation"):  # keras.layers.Softmax, keras.ops
        return inputs
    # A twin with the same variables; copy.copy would serialize the layer.
    twin = object.__new__(type(operation))
    twin.__dict__.update(operation.__dict__)
    for name in (*keras_seam.CALLS, keras_seam.REMATERIALIZED):
        twin.__dict__.pop(name, None)  # within `intercept`
    twin.__dict__["activation"] = keras.activations.linear
    if keras_seam.quantization_mode(operation) is not None:
        return twin.quantized_call(inputs, *args, **kwargs)
    return type(operation).call(twin, inputs, *args, **kwargs)


def is_probability(operation: Any) -> bool:
    """Return whether an operation is or ends in a softmax or sigmoid.

    Args:
        operation: a layer, an operation or None.

    Returns:
        bool.

    Raises:
        ValueError: if a layer has such an activation, but perhaps does not
            apply it last.
    """
    name = None if operation is None else activation_name(operation)
    if name not in _OPERATIONS.values():
        return False
    if hasattr(operation, "activation") and not isinstance(
        operation, _LINEAR_THEN_ACTIVATION
    ):
        raise ValueError(
            "Geometric complexity is measured on logits, and the "
            f"{name} of layer '{operation.name}' (of type "
            f"{type(operation).__name__}) cannot be stepped over, since it may "
            "not be what the layer does last. Give the layer a linear "
            "activation and train with `from_logits=True`, or name the layer "
            "to measure to: `outputs='NAME'` (`gc_outputs` in `compile`)."
        )
    return True


def activation_name(operation: Any) -> str:
    """Return the name of an operation's activation.

    A softmax or sigmoid is recognised by its values, whatever it is called
    (`tf.nn.softmax` calls itself "softmax_v2").

    Args:
        operation: a layer or an operation.

    Returns:
        `"softmax"`, `"log_softmax"`, `"sigmoid"` or `"log_sigmoid"` for
        these, else the function's own name, or `"none"`.
    """
    activation = getattr(operation, "activation", None)
    if activation is None:
        return _OPERATIONS.get(type(operation).__name__, "none")
    own = getattr(activation, "__name__", type(activation).__name__)
    if own in _OPERATIONS.values() or own in {"linear", "relu", "tanh"}:
        return own
    return _name_by_values(activation) or own


def _name_by_values(activation):
    with backend.eagerly():
        try:
            values = ops.convert_to_numpy(activation(ops.array(_PROBE)))
        except Exception:  # it needs another shape, or a graph
            return None
        for name in _OPERATIONS.values():
            right = getattr(keras.activations, name)(ops.array(_PROBE))
            right = ops.convert_to_numpy(right)
            if values.shape == right.shape and np.allclose(values, right):
                return name
    return None


def _last_operation(tensor):
    """Return the operation that computes a functional model's output."""
    call = keras_seam.producer(tensor)
    operation = call.operation
    inner = getattr(operation, "outputs", None)
    if isinstance(operation, keras.Model) and inner:
        return _last_operation(inner[call.tensor_index])
    if _rearranges(operation) and len(call.inputs) == 1:
        before = _last_operation(call.inputs[0])
        if is_probability(before):
            return before
    return operation


def _merged_probability(tensor):
    """Return a softmax or sigmoid that only merging separates from a tensor."""
    call = keras_seam.producer(tensor)
    operation = call.operation
    inner = getattr(operation, "outputs", None)
    if isinstance(operation, keras.Model) and inner:
        return _merged_probability(inner[call.tensor_index])
    if activation_name(operation) in _OPERATIONS.values():
        return operation
    if _rearranges(operation) or type(operation).__name__ in _MERGING:
        found = [_merged_probability(before) for before in call.inputs]
        if found and all(found):
            return found[0]
    return None


def _rearranges(operation):
    name = type(operation).__name__
    is_linear = name == "Activation" and activation_name(operation) == "linear"
    return name in REARRANGING or is_linear
