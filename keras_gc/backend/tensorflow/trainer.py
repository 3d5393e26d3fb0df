"""How a train step differentiates, is traced and is replicated."""

import contextlib

import keras
import tensorflow as tf

from keras_gc.backend import errors
from keras_gc.backend.host_random import keep_host_random_state
from keras_gc.backend.scope import discard_updates
from keras_gc.backend.tensorflow.differential import guard_second_derivatives
from keras_gc.backend.tensorflow.moments import twice_differentiable_moments
from keras_gc.backend.tensorflow.operations import operation_types


def value_and_gradients(
    objective, variables, values=None, scale=1.0, differentiable=False
):
    """Return `(loss, aux, gradients)` of `loss, aux = objective()`.

    The gradients are those of `scale * loss`, with respect to the variables
    or, where `values` are given, at these values in place of the variables'
    own; what the objective assigns to variables (statistics, seeds) is then
    dropped. With `differentiable` they can be differentiated once more: for
    an objective that a gradient is part of.
    """
    points = [v.value for v in variables] if values is None else values
    with contextlib.ExitStack() as stack:
        if differentiable:
            stack.enter_context(twice_differentiable_moments())
        tape = stack.enter_context(tf.GradientTape())
        # In a scope the variables hold tensors, which no tape watches itself.
        tape.watch([p for p in points if not isinstance(p, tf.Variable)])
        if values is None:
            loss, aux = objective()
        else:
            with discard_updates(zip(variables, values, strict=True)):
                loss, aux = objective()
        scaled_loss = keras.ops.multiply(loss, scale)
    noted = operation_types() if differentiable else contextlib.nullcontext()
    try:
        with noted as types:
            gradients = tape.gradient(scaled_loss, points)
    except LookupError as error:
        raise errors.no_second_derivative(error) from None
    if differentiable:
        gradients = [
            g
            if g is None
            else guard_second_derivatives(tf.convert_to_tensor(g), types)
            for g in gradients
        ]
    return loss, aux, gradients


def apply_gradients(optimizer, gradients, variables):
    """Update the variables."""
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


def variable_scope(model):
    """Return the scope of the model's tf.distribute strategy."""
    return model.distribute_strategy.scope()


def compiled(fn, constants, state, any_batch_size=True):
    """Return `fn` as a graph; TensorFlow finds the variables by itself.

    One trace serves batches of any size, unless the model has a fixed one.
    """
    del constants, state
    function = tf.function(fn, autograph=False)
    first = 1 if any_batch_size else 0
    traces = {}

    def spec(leaf):
        if not hasattr(leaf, "shape"):  # None, for an optional input
            return leaf
        shape = [None] * first + list(leaf.shape[first:])
        return tf.TensorSpec(shape, leaf.dtype)

    def traced(x):
        specs = tf.nest.map_structure(spec, x)
        key = str(specs)
        if key not in traces:
            traces[key] = function.get_concrete_function(specs)
        return traces[key](x)

    return traced


def eagerly():
    """Return a context in which values can be looked at, inside of a trace."""
    return tf.init_scope()


def seeded(seed):
    """Return a context for TensorFlow's own generator, which has none."""
    del seed
    return contextlib.nullcontext()


def run_step(model, step, data):
    """Call `step(data)`: TensorFlow's trainer hands over the data alone."""
    del model
    return step(data)


def run_beside(model, step, data):
    """Call `step(data)`; return what the model's own step is to be given."""
    del model
    with keep_host_random_state():  # so that it draws what it would have drawn
        step(data)
    return (data,)


def num_replicas():
    """Return the number of replicas that work on one global batch."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica_id():
    """Return the number of this replica."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group


def replica_share(loss):
    """Return this replica's share of the loss: Keras has divided it."""
    return loss


def replica_sum(x):
    """Return the sum of `x` over the replicas, dense."""
    x = tf.nest.map_structure(tf.convert_to_tensor, x)
    if num_replicas() == 1:
        return x
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)
