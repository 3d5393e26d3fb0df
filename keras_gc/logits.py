"""The function whose Jacobian is measured, found inside a Keras model.

Three things make the difference between a model and its logit network f:
a softmax or sigmoid at its end is stepped over; `outputs` names an inner layer
to measure to; `inputs` names an inner layer to measure from.
"""

import contextlib
import warnings

import keras
from keras import ops

from keras_gc.backend.scope import discard_updates
from keras_gc.estimators.estimator import check_floating, flatten_rows
from keras_gc.intercept import intercept

_PROBABILITIES = {"softmax", "log_softmax", "sigmoid", "log_sigmoid"}
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
_REARRANGING = {
    "Identity", "Dropout", "Reshape", "Flatten", "Permute", "Squeeze",
    "ExpandDims", "Transpose", "Cast",
}  # fmt: skip


class LogitNetwork:
    """f, as a function of its point of evaluation z and the batch x.

        z = network.point(x)                      # x, or a layer's output
        logits, predictions = network(z, x)       # one forward pass for both

    Args:
        model: a built `keras.Model`.
        inputs: name of an input or of an inner layer whose output is z.
        outputs: name of an inner layer whose output is f.

    Raises:
        TypeError: if the model is not a `keras.Model`.
        ValueError: if it is not built, or has no layer of that name.
    """

    def __init__(self, model, inputs=None, outputs=None):
        if not isinstance(model, keras.Model):
            raise TypeError(
                "`model` must be a `keras.Model`. Received: "
                f"model={model!r} (of type {type(model).__name__})"
            )
        self.model = model
        self.inputs = inputs
        self.outputs = outputs
        self._input_index = _input_index(model, inputs)
        self._start = self._stop = None
        if inputs is not None and self._input_index is None:
            self._start = find_layer(model, inputs, "inputs")
        if outputs is not None:
            self._stop = find_layer(model, outputs, "outputs")
        self._heads = None  # per output: the probability operation, or None
        self.is_identified = True  # whether Keras's own code computes it

    def point(self, x, training=False):
        """Return z, where the Jacobian is taken.

        Args:
            x: the model's input, a tensor or a structure of them.
            training: whether layers run in training mode.

        Returns:
            Tensor or structure of tensors.
        """
        if self._start is not None:
            captured = []
            with _capture(self._start, captured), discard_updates():
                self.model(x, training=training)
            point = _only(captured, self._start)
        elif self._input_index is not None:
            point = keras.tree.flatten(x)[self._position(x)]
        else:
            point = x
        for leaf in keras.tree.flatten(point):
            check_floating("inputs", leaf)
        return point

    def __call__(self, point, x, training=False):
        """Run the model once.

        Args:
            point: z, as `self.point(x)` returns it.
            x: the model's input.
            training: whether layers run in training mode.

        Returns:
            `(logits, predictions)`: f(z), and what the model itself returns.
        """
        if self._stop is None and self._heads is None:
            self._heads = self.find_heads(x)
        captured = []
        with contextlib.ExitStack() as stack:
            if self._start is not None:
                stack.enter_context(_replace(self._start, point))
            elif self._input_index is not None:
                leaves = list(keras.tree.flatten(x))
                leaves[self._position(x)] = point
                x = keras.tree.pack_sequence_as(x, leaves)
            else:
                x = point
            if self._stop is not None:
                stack.enter_context(_capture(self._stop, captured))
                predictions = self.model(x, training=training)
                return _only(captured, self._stop), predictions
            slots = {}
            for head in {id(h): h for h in self._heads if h}.values():
                slots[id(head)] = []
                stack.enter_context(_step_over(head, slots[id(head)]))
            predictions = self.model(x, training=training)
        leaves = keras.tree.flatten(predictions)
        logits = [
            _only(slots[id(head)], head) if head else leaf
            for head, leaf in zip(self._heads, leaves, strict=True)
        ]
        return logits, predictions

    def _position(self, x):
        """Return where among the leaves of x the named input is."""
        if isinstance(x, dict) and not isinstance(self.model.input, dict):
            # By its name; the model was built from a list, in another order.
            positions = range(len(keras.tree.flatten(x)))
            return keras.tree.pack_sequence_as(x, positions)[self.inputs]
        return self._input_index

    def num_outputs(self, x):
        """Return K, the number of logits of one example, for inputs like x.

        Args:
            x: the model's input.

        Returns:
            int, or a tensor where it changes from batch to batch.
        """
        with discard_updates():
            logits, _ = self(self.point(x), x)
            return ops.shape(flatten_rows(logits))[1]

    def find_heads(self, x):
        """Return, for each output, the softmax or sigmoid that it ends in.

        Args:
            x: the model's input, on which a subclassed model is run.

        Returns:
            List of a layer or operation, or None, for each output.
        """
        tensors = getattr(self.model, "outputs", None)
        last = [_last_operation(tensor) for tensor in tensors or ()]
        if not last or any(isinstance(op, keras.Model) for op in last):
            last = self._last_layers_called(x)
        self.is_identified = all(_is_keras_own(op) for op in last)
        heads = [op if _is_probability(op) else None for op in last]
        for head in {id(head): head for head in heads if head}.values():
            warnings.warn(
                "Geometric complexity is measured on the logits: the "
                f"{_activation_name(head)} of '{head.name}', at the end of "
                f"model '{self.model.name}', is stepped over (same weights, "
                "linear activation).",
                stacklevel=2,
            )
        return heads

    def _last_layers_called(self, x):
        """Return, for each output of a subclassed model, who returned it."""
        returned = {}  # id of a tensor -> the innermost layer that returned it
        results = []

        def record(layer):
            def handler(call, *args, **kwargs):
                result = call(*args, **kwargs)
                if layer is self.model:
                    results.append(result)
                for leaf in keras.tree.flatten(result):
                    if layer is not self.model:
                        returned.setdefault(id(leaf), (layer, leaf))
                return result

            return intercept(layer, handler)

        with contextlib.ExitStack() as stack:
            for layer in self.model._flatten_layers():
                stack.enter_context(record(layer))
            stack.enter_context(discard_updates())
            self.model(x, training=False)
        leaves = keras.tree.flatten(results[-1])
        return [returned.get(id(leaf), (None,))[0] for leaf in leaves]


def find_layer(model, name, argument):
    """Return the layer or operation of that name, at any depth.

    Args:
        model: a `keras.Model`.
        name: the layer's name.
        argument: what the user called it, for the error.

    Returns:
        The layer.

    Raises:
        TypeError: if the name is not a string.
        ValueError: if none or several have that name.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"`{argument}` must be the name of a layer. Received: "
            f"{argument}={name!r} (of type {type(name).__name__})"
        )
    candidates = {id(layer): layer for layer in model._flatten_layers(False)}
    for operation in getattr(model, "operations", ()):
        candidates.setdefault(id(operation), operation)
    found = [layer for layer in candidates.values() if layer.name == name]
    if len(found) == 1:
        return found[0]
    names = sorted({layer.name for layer in candidates.values()})
    problem = "No layer" if not found else f"{len(found)} layers"
    raise ValueError(
        f"{problem} of model '{model.name}' has that name. `{argument}` must "
        f"be the name of exactly one of its layers: {names}. Received: "
        f"{argument}={name!r}"
    )


def _input_index(model, name):
    """Return the position of the model's input of that name, or None."""
    for index, tensor in enumerate(getattr(model, "inputs", None) or ()):
        if tensor.name == name:
            return index
    return None


def _capture(layer, into):
    """Append what the layer returns to a list."""

    def handler(call, *args, **kwargs):
        result = call(*args, **kwargs)
        into.append(result)
        return result

    return intercept(layer, handler)


def _replace(layer, value):
    """Let the layer return a value, whatever it computes."""

    def handler(call, *args, **kwargs):
        keras.tree.assert_same_structure(call(*args, **kwargs), value)
        return value

    return intercept(layer, handler)


def _step_over(operation, into):
    """Append what a softmax or sigmoid is applied to."""

    def handler(call, *args, **kwargs):
        into.append(without_activation(operation, *args, **kwargs))
        return call(*args, **kwargs)

    return intercept(operation, handler)


def without_activation(operation, inputs, *args, **kwargs):
    """Call a layer or operation as if its activation were linear.

    Args:
        operation: one of the layers that apply their activation last, or the
            softmax or sigmoid itself.
        inputs: its inputs.
        *args: other arguments of its call.
        **kwargs: likewise.

    Returns:
        What the activation is applied to.
    """
    if not hasattr(operation, "activation"):  # keras.layers.Softmax, keras.ops
        return inputs
    # A twin with the same variables; copy.copy would serialize the layer.
    twin = object.__new__(type(operation))
    twin.__dict__.update(operation.__dict__)
    twin.__dict__.pop("call", None)  # within `intercept`
    twin.__dict__["activation"] = keras.activations.linear
    return type(operation).call(twin, inputs, *args, **kwargs)


def _only(captured, layer):
    if len(captured) != 1:
        raise ValueError(
            f"Layer '{layer.name}' must be called exactly once in a forward "
            "pass, for its output to be one point to measure from or to. "
            f"Received: {len(captured)} calls. Put a layer of its own there."
        )
    return captured[0]


def _last_operation(tensor):
    """Return the operation that computes a functional model's output."""
    operation, node_index, tensor_index = tensor._keras_history
    inner = getattr(operation, "outputs", None)
    if isinstance(operation, keras.Model) and inner:
        return _last_operation(inner[tensor_index])
    name = type(operation).__name__
    linear = _activation_name(operation) == "linear" and name == "Activation"
    if name in _REARRANGING or linear:
        node = operation._inbound_nodes[node_index]
        if len(node.input_tensors) == 1:
            before = _last_operation(node.input_tensors[0])
            if _is_probability(before):
                return before
    return operation


def _activation_name(operation):
    activation = getattr(operation, "activation", None)
    if activation is not None:
        return getattr(activation, "__name__", type(activation).__name__)
    # keras.layers.Softmax, keras.ops.sigmoid, ...
    return {
        "Softmax": "softmax",
        "LogSoftmax": "log_softmax",
        "Sigmoid": "sigmoid",
        "LogSigmoid": "log_sigmoid",
    }.get(type(operation).__name__, "none")


def _is_probability(operation):
    if operation is None or _activation_name(operation) not in _PROBABILITIES:
        return False
    if hasattr(operation, "activation") and not isinstance(
        operation, _LINEAR_THEN_ACTIVATION
    ):
        raise ValueError(
            "Geometric complexity is measured on logits, and the "
            f"{_activation_name(operation)} of layer '{operation.name}' (of "
            f"type {type(operation).__name__}) cannot be stepped over, since "
            "it may not be what the layer does last. Give the layer a linear "
            "activation and train with `from_logits=True`, or name the layer "
            "to measure to: `outputs='NAME'` (`gc_outputs` in `compile`)."
        )
    return True


def _is_keras_own(operation):
    return type(operation).__module__.split(".")[0] == "keras"


_HIDDEN_LOGITS = (
    "Geometric complexity is measured on logits, and this model returns "
    "probabilities from code in which the logits cannot be found. Return "
    "logits from `call` (and train with `from_logits=True`), or end in a "
    "`keras.layers.Softmax()` or `keras.layers.Activation('sigmoid')` layer, "
    "which is stepped over, or name the layer to measure to: "
    "`outputs='NAME'` (`gc_outputs` in `compile`). Received: {}."
)


def check_not_probabilities(logits):
    """Raise if concrete outputs are probabilities.

    Args:
        logits: numpy array, the classes on its last axis.

    Raises:
        ValueError: if each row is >= 0 and sums to 1.
    """
    if logits.ndim < 2 or logits.shape[-1] < 2 or logits.min() < 0:
        return
    rounding = 1e-2 if logits.dtype.itemsize < 4 else 1e-3
    if abs(logits.astype("float32").sum(axis=-1) - 1).max() < rounding:
        raise ValueError(
            _HIDDEN_LOGITS.format("rows of outputs that are >= 0 and sum to 1")
        )


def check_loss(network, loss):
    """Raise if a loss takes probabilities that may hide the logits.

    Args:
        network: a `LogitNetwork` that has run once.
        loss: what `compile` was given: a structure of losses.

    Raises:
        ValueError: if the code at the end of the model is not Keras's own and
            a crossentropy takes its outputs for probabilities.
    """
    if network.is_identified:
        return
    for one in keras.tree.flatten(loss):
        name = one if isinstance(one, str) else getattr(one, "name", "")
        if "crossentropy" in str(name) and not getattr(
            one, "from_logits", False
        ):
            raise ValueError(
                _HIDDEN_LOGITS.format(f"the loss {name}, from_logits=False")
            )
