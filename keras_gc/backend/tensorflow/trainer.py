"""How a train step differentiates, is traced and is replicated."""

import keras
import tensorflow as tf

from keras_gc.backend import errors


def value_and_gradients(objective, variables, values=None):
    """Return `(aux, gradients)` of `loss, aux = objective()`.

    The gradients are with respect to the variables or, where `values` are
    given, at these values in place of the variables' own; what the objective
    assigns to variables (statistics, seeds) is then dropped.
    """
    with tf.GradientTape() as tape:
        if values is None:
            loss, aux = objective()
        else:
            tape.watch(values)
            with keras.StatelessScope(zip(variables, values, strict=True)):
                loss, aux = objective()
    try:
        gradients = tape.gradient(loss, variables if values is None else values)
    except LookupError as error:
        raise errors.no_second_derivative(error) from None
    return aux, gradients


def apply_gradients(optimizer, gradients, variables):
    """Update the variables."""
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


def variable_scope(model):
    """Return the scope of the model's tf.distribute strategy."""
    return model.distribute_strategy.scope()


def compiled(fn, constants, state):
    """Return `fn` as a graph; TensorFlow finds the variables by itself.

    One trace serves batches of any size.
    """
    del constants, state
    function = tf.function(fn, autograph=False)
    traces = {}

    def any_batch_size(x):
        leaves = tf.nest.flatten(x)
        key = tuple((leaf.dtype, tuple(leaf.shape[1:])) for leaf in leaves)
        if key not in traces:
            specs = tf.nest.map_structure(
                lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype),
                x,
            )
            traces[key] = function.get_concrete_function(specs)
        return traces[key](x)

    return any_batch_size


def run_step(model, step, data):
    """Call `step(data)`: TensorFlow's trainer hands over the data alone."""
    del model
    return step(data)


def num_replicas():
    """Return the number of replicas that work on one global batch."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica_id():
    """Return the number of this replica."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group


def replica_sum(x):
    """Return the sum of `x` over the replicas."""
    if num_replicas() == 1:
        return x
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)
