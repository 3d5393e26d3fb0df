"""What inner layers are given and return while a model runs."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras

from keras_gc import keras_seam
from keras_gc.backend.scope import discard_updates
from keras_gc.intercept import intercept
from keras_gc.logits import probabilities
from keras_gc.logits.evaluation_point import is_real


class Replace:
    """A handler for `intercept`: a layer returns a value, whatever it computes.

    A tied embedding is called on tokens and later, in reverse, on features.
    The second call stays as it is.

    Args:
        value: tensor or structure of tensors.
    """

    def __init__(self, value: Any):
        self.value = value
        self.was_called_on_tokens = False

    def __call__(self, call: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the layer, and return the value in its place."""
        own = call(*args, **kwargs)
        is_on_tokens = _is_on_tokens((args, kwargs))
        if self.was_called_on_tokens and not is_on_tokens:
            return own
        self.was_called_on_tokens = is_on_tokens
        keras.tree.assert_same_structure(own, self.value)
        return self.value


def capture(
    layer: keras.Layer, into: list
) -> contextlib.AbstractContextManager:
    """Append what a layer is given and returns to a list, in a context.

    Args:
        layer: a layer.
        into: list, gets `((args, kwargs), result)` for each call.

    Returns:
        A context manager.
    """

    def handler(call, *args, **kwargs):
        result = call(*args, **kwargs)
        into.append(((args, kwargs), result))
        return result

    return intercept(layer, handler)


def step_over(operation: Any, into: list) -> Callable:
    """Append what a softmax or sigmoid returns and what it is applied to.

    Args:
        operation: the layer or operation that ends in it.
        into: list, gets `(result, logits)` for each call.

    Returns:
        A handler for `intercept`.
    """

    def handler(call, *args, **kwargs):
        logits = probabilities.without_activation(operation, *args, **kwargs)
        result = call(*args, **kwargs)
        into.append((result, logits))
        return result

    return handler


def logits_of(leaf: Any, head: Any, seen: dict[int, list]) -> Any:
    """Return the logits that belong to one of the model's outputs.

    Args:
        leaf: tensor, the output.
        head: the softmax or sigmoid that it ends in, or None.
        seen: dict from a head's id to what `step_over` has noted of it.

    Returns:
        Tensor: the output itself where there is no head.

    Raises:
        ValueError: if the head is called several times, and its results are
            rearranged before they are returned.
    """
    if head is None:
        return leaf
    calls = seen[id(head)]
    for result, logits in calls:
        if result is leaf:
            return logits
    if len(calls) == 1:  # something rearranged its result
        return calls[0][1]
    raise ValueError(
        f"'{head.name}' makes probabilities in {len(calls)} places, and which "
        "of them belong to which output cannot be told. Give each output a "
        "softmax or sigmoid layer of its own, or return logits and train with "
        "`from_logits=True`."
    )


def calls_on_tokens(calls: list) -> list:
    """Return those of a layer's calls that are on tokens; all if none is.

    A tied embedding is called on tokens, and again on features: the first is
    meant.

    Args:
        calls: as `capture` has noted them.

    Returns:
        List of calls.
    """
    return [call for call in calls if _is_on_tokens(call[0])] or calls


def _is_on_tokens(arguments):
    return not any(is_real(leaf) for leaf in keras.tree.flatten(arguments))


def only(calls: list, layer: Any) -> Any:
    """Return the one call of a layer.

    Args:
        calls: as `capture` has noted them.
        layer: the layer.

    Returns:
        `((args, kwargs), result)`.

    Raises:
        ValueError: if there are none or several.
    """
    if len(calls) != 1:
        reason = "Put a layer of its own there."
        if not calls:
            reason = (
                "Either the model does not use it in inference, or it runs "
                "where Keras cannot be watched (inside a `tf.function` or "
                "`jax.jit` of the model's own)."
            )
        raise ValueError(
            f"Layer '{layer.name}' must be called exactly once in a forward "
            "pass, for its output to be one point to measure from or to. "
            f"Received: {len(calls)} calls. {reason}"
        )
    return calls[0]


def last_layers_called(model: keras.Model, x: Any) -> list:
    """Return, for each output of a model, the innermost layer that made it.

    Args:
        model: `keras.Model`, subclassed: without a graph to look at.
        x: the model's input, on which it is run.

    Returns:
        List of layers; None where no layer returned the output.
    """
    returned: dict[
        int, tuple
    ] = {}  # id of a tensor -> the innermost layer that returned it
    results = []

    def record(layer):
        def handler(call, *args, **kwargs):
            result = call(*args, **kwargs)
            if layer is model:
                results.append(result)
            else:
                for leaf in keras.tree.flatten(result):
                    returned.setdefault(id(leaf), (layer, leaf))
            return result

        return intercept(layer, handler)

    with contextlib.ExitStack() as stack:
        for layer in keras_seam.all_layers(model):
            stack.enter_context(record(layer))
        stack.enter_context(discard_updates())
        predictions = model(x, training=False)
    leaves = keras.tree.flatten(results[-1] if results else predictions)
    return [returned.get(id(leaf), (None,))[0] for leaf in leaves]
