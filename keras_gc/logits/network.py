"""The function whose Jacobian is measured, found inside a Keras model.

A model and its logit network f differ in three things: a softmax or sigmoid at
the end of the model is stepped over; `outputs` may name an inner layer to
measure to; `inputs` may name inner layers to measure from. Masked positions are
no outputs: padding does not count.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_gc import keras_seam
from keras_gc.backend.scope import discard_updates
from keras_gc.estimators.estimator import check_floating, flatten_rows
from keras_gc.intercept import intercept, run_plainly
from keras_gc.logits import probabilities
from keras_gc.logits.captures import (
    Replace,
    calls_on_tokens,
    capture,
    last_layers_called,
    logits_of,
    only,
    step_over,
)
from keras_gc.logits.evaluation_point import (
    cast_like_keras,
    check_built,
    differentiable_leaves,
    input_positions,
    is_real,
)
from keras_gc.logits.find_layer import find_layer
from keras_gc.logits.masks import mask_of, without_padding
from keras_gc.logits.symbolic import symbolic_num_outputs
from keras_gc.logits.trusted_derivatives import (
    check_derivatives,
    warn_of_flat_operations,
)


class LogitNetwork:
    """f, as a function of its point of evaluation z and the batch x.

        z = network.point(x)                      # x, or layers' outputs
        logits, predictions = network(z, x)       # one forward pass for both

    Args:
        model: `keras.Model`, built.
        inputs: str or list of str, names of inputs or of inner layers whose
            outputs are z. Defaults to all real inputs.
        outputs: str, name of an inner layer whose output is f. Defaults to
            the logits.

    Raises:
        TypeError: if the model is not a `keras.Model`.
        ValueError: if it is not built, has no layer of that name, or has a
            quantized layer whose derivative would be wrong.
    """

    def __init__(
        self,
        model: keras.Model,
        inputs: str | Sequence[str] | None = None,
        outputs: str | None = None,
    ):
        check_built(model)
        check_derivatives(model)
        self.model = model
        self.inputs: Any = inputs
        if inputs is not None and not isinstance(inputs, list | tuple):
            self.inputs = [inputs]
        self.outputs = outputs
        self._starts = []  # layers whose outputs are z
        self._named_inputs = []  # names of the model's own inputs, in z
        for name in self.inputs or ():
            if isinstance(name, str) and name in _input_names(model):
                self._named_inputs.append(name)
            else:
                self._starts.append(find_layer(model, name, "inputs"))
        self._stop = None
        if outputs is not None:
            self._stop = find_layer(model, outputs, "outputs")
        # For each output, the softmax or sigmoid that it ends in, or None.
        self._heads: Any = None
        # For each logit tensor, whether it comes from before a softmax or
        # sigmoid; known once the network has run.
        self.steps_over: list[bool] = []
        self.ends_in_keras_code = False

    def point(self, x: Any, training: bool = False) -> Any:
        """Return z, where the Jacobian is taken.

        Args:
            x: the model's input, a tensor or a structure of them.
            training: bool, whether layers run in training mode. Defaults to
                False.

        Returns:
            Tensor or structure of tensors: x itself where all of it is real,
            else the one part that is, or a list of such parts.

        Raises:
            TypeError: if no input is real.
            ValueError: if a layer to measure from is not called exactly once.
        """
        x = cast_like_keras(self.model, x)
        leaves = keras.tree.flatten(x)
        if self.inputs is None:
            chosen = differentiable_leaves(self.model, x)
            if len(chosen) == len(leaves):
                return x
            return _one_or_list([leaves[index] for index in chosen])
        point = [leaves[i] for i in self._positions(x)]
        point += self._outputs_of_starts(x, training)
        for leaf in keras.tree.flatten(point):
            check_floating("inputs", leaf)
        return _one_or_list(point)

    def __call__(
        self, point: Any, x: Any, training: bool = False
    ) -> tuple[list, Any]:
        """Run the model once.

        Args:
            point: z, as `self.point(x)` returns it; None where nothing is
                differentiated with respect to z, which is then computed from
                x.
            x: the model's input.
            training: bool, whether layers run in training mode. Defaults to
                False.

        Returns:
            `(logits, predictions)`: f(z), a list with a tensor for each real
            output, and what the model itself returns.

        Raises:
            ValueError: if the logits of an output cannot be found.
        """
        x = cast_like_keras(self.model, x)
        if self._stop is None and self._heads is None:
            self._heads = self.find_heads(x)
        x, starts = self._put(point, x)
        heads = {id(head): head for head in self._heads or () if head}
        seen: dict[int, list] = {key: [] for key in heads}
        stops: list = []
        with contextlib.ExitStack() as stack:
            enter = stack.enter_context
            for layer, value in zip(self._starts, starts, strict=True):
                enter(intercept(layer, Replace(value)))
            for key, head in heads.items():
                enter(intercept(head, step_over(head, seen[key])))
            if self._stop is not None:
                enter(capture(self._stop, stops))
            self._run_containers_plainly(enter)
            predictions = self.model(x, training=training)
        if self._stop is not None:
            owners = keras.tree.flatten(only(stops, self._stop)[1])
            return self._masked(owners, owners), predictions
        owners = keras.tree.flatten(predictions)
        if len(owners) != len(self._heads):
            raise ValueError(
                f"Model '{self.model.name}' returns {len(owners)} outputs in "
                f"training and {len(self._heads)} in inference, so that GC in "
                "training mode is that of another function. Use "
                "`gc_training=False`, or name the layer to measure to: "
                "`gc_outputs='NAME'`."
            )
        logits = [
            logits_of(leaf, head, seen)
            for leaf, head in zip(owners, self._heads, strict=True)
        ]
        self.steps_over = [
            head is not None
            for leaf, head in zip(logits, self._heads, strict=True)
            if is_real(leaf)
        ]
        return self._masked(logits, owners), predictions

    def num_outputs(self, x: Any) -> int:
        """Return K, the number of logits of one example, for inputs like x.

        Args:
            x: the model's input.

        Returns:
            int, or a tensor where it changes from batch to batch.
        """
        with discard_updates():
            logits, _ = self(self.point(x), x)
            return ops.shape(flatten_rows(logits))[1]

    def symbolic_num_outputs(self) -> int | None:
        """Return K from the shapes of the inputs; None if it may change.

        Returns:
            int or None.

        Raises:
            ValueError: if these shapes are not known.
        """
        return symbolic_num_outputs(self)

    def find_heads(self, x: Any) -> list:
        """Return, for each output, the softmax or sigmoid that it ends in.

        Args:
            x: the model's input, on which a subclassed model is run.

        Returns:
            List of a layer or operation, or None, for each output.
        """
        last = probabilities.last_operations(self.model)
        if last is None:
            last = last_layers_called(self.model, x)
        self.ends_in_keras_code = all(map(keras_seam.is_keras_code, last))
        heads = [
            op if probabilities.is_probability(op) else None for op in last
        ]
        probabilities.say_what_is_stepped_over(self.model, heads)
        warn_of_flat_operations(self.model)
        return heads

    def _put(self, point, x):
        """Return the batch with z put in, and the values of inner layers."""
        if point is None:
            return x, []
        leaves = keras.tree.flatten(x)
        if self.inputs is None:
            chosen = differentiable_leaves(self.model, x)
            if len(chosen) == len(leaves):
                return point, []
        else:
            chosen = self._positions(x)
        values = point if isinstance(point, list) else [point]
        for index, value in zip(chosen, values, strict=False):
            leaves[index] = value
        return keras.tree.pack_sequence_as(x, leaves), values[len(chosen) :]

    def _positions(self, x):
        """Return where among the leaves of x the named inputs are."""
        order = [_input_names(self.model).index(n) for n in self._named_inputs]
        positions = input_positions(self.model, x)
        return [positions.index(index) for index in order]

    def _outputs_of_starts(self, x, training):
        if not self._starts:
            return []
        calls = {id(layer): [] for layer in self._starts}
        with contextlib.ExitStack() as stack, discard_updates():
            for layer in self._starts:
                stack.enter_context(capture(layer, calls[id(layer)]))
            self._run_containers_plainly(stack.enter_context)
            self.model(x, training=training)
        return [
            only(calls_on_tokens(calls[id(layer)]), layer)[1]
            for layer in self._starts
        ]

    def _run_containers_plainly(self, enter):
        """Switch rematerialization off in layers that contain one of ours.

        On TensorFlow in all layers: rematerialized ones have no second
        derivative there.
        """
        everywhere = keras.config.backend() == "tensorflow"
        inside = {id(layer) for layer in (*self._starts, self._stop)}
        inside |= {id(head) for head in self._heads or ()}
        for layer in keras_seam.all_layers(self.model):
            if id(layer) in inside or not keras_seam.is_rematerialized(layer):
                continue
            within = keras_seam.all_layers(layer, False)
            if everywhere or any(id(part) in inside for part in within):
                enter(intercept(layer, run_plainly))

    def _masked(self, logits, owners):
        """Return the real logits, set to 0 where the output is masked."""
        real = [
            without_padding(leaf, mask_of(owner))
            for leaf, owner in zip(logits, owners, strict=True)
            if is_real(leaf)
        ]
        if not real:
            check_floating("outputs", logits[0])
        return real


def _input_names(model):
    return [tensor.name for tensor in getattr(model, "inputs", None) or ()]


def _one_or_list(values):
    return values[0] if len(values) == 1 else values
