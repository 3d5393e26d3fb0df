"""Every name of Keras that Keras does not promise to keep, in one room.

Each function says in plain words what it gives and which public way was
looked for. `tests/test_keras_seam.py` holds a canary for each: when a release
of Keras moves a name, that test says which one, and this file is what has to
change. No other file of the package uses a private name of Keras.
"""

import inspect
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import keras


def functional_class() -> type:
    """Return the class of functional models, which Keras exports by no name.

    Public way, taken: what `keras.Model(inputs, outputs)` is an instance of.
    It is made and not initialised: a whole model would use up names, and fix
    the dtype policy before the user has chosen one.
    """
    return type(keras.Model.__new__(keras.Model, None, None))


def all_layers(layer: keras.layers.Layer, with_itself: bool = True) -> list:
    """Return all layers at any depth, outer ones before those inside them.

    Public way: `model.layers` stops at the first level, and a layer that holds
    other layers has no such property.
    """
    return list(layer._flatten_layers(with_itself))


class Call(NamedTuple):
    """A call of an operation in a functional graph.

    Attributes:
        operation: the layer or operation.
        node_index: which of its calls, counted from 0.
        tensor_index: which of the call's results.
    """

    operation: Any
    node_index: int
    tensor_index: int

    @property
    def inputs(self) -> list:
        """The tensors that the call was given."""
        return self.operation._inbound_nodes[self.node_index].input_tensors


def producer(tensor: keras.KerasTensor) -> Call:
    """Return the call that a symbolic tensor comes from.

    Public way: `operation.output`, which exists only where an operation is
    called once.
    """
    return Call(*tensor._keras_history)


def quantization_mode(layer: keras.layers.Layer) -> str | None:
    """Return `"int8"` or the like for a quantized layer, else None.

    Public way: `layer.quantization_mode`, which no page documents.
    """
    return getattr(layer, "quantization_mode", None)


def value_of(variable: keras.Variable) -> Any:
    """Return what a variable itself holds, whatever scope is active.

    Public way: `variable.value`, which asks the active scope first, and so
    cannot be used by a scope.
    """
    return variable._value


def loss_tracker(model: keras.Model) -> keras.metrics.Metric | None:
    """Return the metric that Keras shows as `loss`.

    Public way, taken: by its name among the metrics of `keras.Model`. A
    subclass may override `metrics` and leave it out, so the property of
    `keras.Model` itself is asked.
    """
    for metric in keras.Model.metrics.fget(model):
        if metric.name == "loss":
            return metric
    return None


def compute_loss(model: keras.Model, *, training: bool, **kwargs: Any) -> Any:
    """Return `model.compute_loss(...)`, with `training` where it takes it.

    Public way, taken: its signature. Overrides written before Keras 3.3 have
    no such argument.
    """
    if "training" in inspect.signature(model.compute_loss).parameters:
        kwargs["training"] = training
    return model.compute_loss(**kwargs)


# What is mixed into a `keras.Model`: a reader of types may take it for one.
Mixin: Any = keras.Model if TYPE_CHECKING else object


class SpeaksInScalars(Mixin):
    """A trainer that leaves named logs out where it returns bare numbers.

    `evaluate`, `train_on_batch` and `test_on_batch` return a list of numbers
    unless `return_dict=True`. Public way: none; the three share one hook.
    """

    not_in_scalars: tuple[str, ...] = ()

    def _flatten_metrics_in_order(self, logs: dict) -> Any:
        logs = {k: v for k, v in logs.items() if k not in self.not_in_scalars}
        return super()._flatten_metrics_in_order(logs)


def callbacks_beside() -> list:
    """Return the list that a callback stands in, from within its `set_model`.

    Public way: none; a callback is not told of the others. The list is that
    of the `CallbackList` which calls `set_model`.
    """
    frame = sys._getframe(2)
    caller = frame.f_locals.get("self")
    if isinstance(caller, keras.callbacks.CallbackList):
        return caller.callbacks
    return []


class Scope(keras.StatelessScope):
    """`keras.StatelessScope`, whose workings are documented nowhere.

    `state_mapping` holds values by the ids of their variables,
    `original_scope` is the scope around it, `add_update` is what
    `variable.assign` calls and `get_current_value` what reading calls.
    """

    def outer_values(self) -> dict[int, Any]:
        """Return the values that the scope around this one holds."""
        outer = self.original_scope
        return {} if outer is None else dict(outer.state_mapping)

    def changed_since(self, before: dict[int, Any]) -> Iterator[tuple]:
        """Yield the ids and values that differ from those in `before`."""
        for key, value in self.state_mapping.items():
            if before.get(key) is not value:
                yield key, value


def active_scope() -> Any:
    """Return the `keras.StatelessScope` that is active, or None.

    Public way: none; a scope entered for a moment knows the one around it.
    """
    with keras.StatelessScope(initialize_variables=False) as probe:
        return probe.original_scope


def is_symbolic() -> bool:
    """Return whether Keras is finding out shapes, with values of no meaning.

    Public way: none; a scope entered for a moment knows the one around it.
    """
    with keras.SymbolicScope() as probe:
        return probe.original_scope is not None


def put_values(values: dict[int, Any]) -> None:
    """Let the active scope, if any, hold values, by the ids of variables.

    Public way: `variable.assign`, for whoever has the variable.
    """
    outer = active_scope()
    if outer is not None:
        outer.state_mapping.update(values)


def forget_jax_state(model: keras.Model) -> None:
    """Let JAX's trainer not put back the weights that it holds.

    Public way: none; `jax_state_sync` puts them back.
    """
    model._jax_state = None


# The methods that `Operation.__call__` ends in, of which only `call` is
# documented, and the one that wraps them under `keras.RematScope`.
CALLS = ("call", "quantized_call")
REMATERIALIZED = "rematerialized_call"


def is_rematerialized(layer: Any) -> bool:
    """Return whether a layer was made under `keras.RematScope`.

    Public way: none.
    """
    return bool(getattr(layer, "_remat_mode", None))


def is_dense_tensor(value: Any) -> bool:
    """Return whether a value is an array or tensor, neither sparse nor ragged.

    Public way: none that holds for all backends; the types' names are asked.
    """
    kind = f"{type(value).__name__} {getattr(value, 'layout', '')}".lower()
    return hasattr(value, "dtype") and not any(
        word in kind for word in ("sparse", "ragged", "bcoo")
    )


def is_keras_code(operation: Any) -> bool:
    """Return whether a layer or operation is Keras's own.

    Public way, taken: the module of its class, whose names all begin with
    `keras`.
    """
    return type(operation).__module__.split(".")[0] == "keras"


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """Return the states of a model's seed generators.

    Public way, taken: a model's `variables` are its `weights` and these.
    """
    weights = {id(v) for v in (*model.weights, *model.metrics_variables)}
    return [
        v
        for v in model.variables
        if id(v) not in weights and tuple(v.shape) == (2,)
    ]


def symbolic(shapes: Any, model: keras.Model) -> Any:
    """Return symbolic inputs of a model from their shapes, which Keras keeps.

    Public way, taken: `get_build_config`, which keeps shapes and no dtypes.
    """
    return keras.tree.map_shape_structure(
        lambda shape: keras.KerasTensor(shape, dtype=model.variable_dtype),
        shapes,
    )


def call_inputs(operation: Any) -> list:
    """Return the tensors that an operation was given in its calls.

    Public way: `operation.input`, which exists only where an operation is
    called once.
    """
    nodes = operation._inbound_nodes
    return [tensor for node in nodes for tensor in node.input_tensors]
