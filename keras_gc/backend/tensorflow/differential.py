"""Jacobian products with GradientTape: reverse mode throughout.

`tf.autodiff.ForwardAccumulator` is not used: it returns None for recurrent
layers in a graph and compiles badly under XLA. The transpose of the pullback
is the pushforward, and it costs the same.
"""

import tensorflow as tf

from keras_gc.backend import errors
from keras_gc.backend.tensorflow.moments import twice_differentiable_moments

# TensorFlow takes the gradient of these operations for constant, without an
# error: what is differentiated through them would be wrong.
_SILENTLY_CONSTANT = {"ResizeBilinearGrad"}
# Up to here a loop over classes is unrolled, which shares work between the
# classes and which XLA on CPU compiles far better than a while loop.
_UNROLL = 16


def vjp(fn, x):
    """Return `(outputs, aux, pullback)` of `outputs, aux = fn(x)`."""
    with tf.GradientTape(
        persistent=True, watch_accessed_variables=False
    ) as tape:
        tape.watch(x)
        with twice_differentiable_moments():
            outputs, aux = fn(x)

    def pullback(cotangent):
        first = num_operations()
        try:
            gradients = tape.gradient(outputs, x, output_gradients=cotangent)
        except LookupError as error:
            raise errors.no_derivative(error) from None
        if any(g is None for g in tf.nest.flatten(gradients)):
            raise errors.disconnected_inputs()
        gradients = tf.nest.map_structure(tf.convert_to_tensor, gradients)
        return never_wrong(gradients, first)

    return outputs, aux, pullback


def linearize(fn, x):
    """Return `(outputs, aux, pushforward)` of `outputs, aux = fn(x)`."""
    outputs, aux, pullback = vjp(fn, x)
    cotangent = tf.zeros_like(outputs)
    with tf.GradientTape(
        persistent=True, watch_accessed_variables=False
    ) as tape:
        tape.watch(cotangent)
        pulled_back = pullback(cotangent)

    def pushforward(tangent):
        try:
            return tape.gradient(
                pulled_back, cotangent, output_gradients=tangent
            )
        except LookupError as error:
            raise errors.no_second_derivative(error) from None

    return outputs, aux, pushforward


def num_operations():
    """Return how many operations the trace has, for `never_wrong`."""
    if tf.executing_eagerly():
        return 0
    return len(tf.compat.v1.get_default_graph().get_operations())


def never_wrong(gradients, first):
    """Return gradients that raise where their own gradient would be wrong.

    `first`: `num_operations()` before they were computed.
    """
    for name in _SILENTLY_CONSTANT & _operations_since(first):
        gradients = _undifferentiable(gradients, name)
    return gradients


def _operations_since(first):
    """Return the types of the operations that a trace has gained."""
    if tf.executing_eagerly():  # keeps no record of them
        return set()
    operations = tf.compat.v1.get_default_graph().get_operations()
    return {operation.type for operation in operations[first:]}


def _undifferentiable(tensors, name):
    """Return tensors whose gradient raises instead of being wrong."""

    @tf.custom_gradient
    def guard(tensor):
        def gradient(upstream):
            raise errors.no_second_derivative(f"{name} has no gradient")

        return tf.identity(tensor), gradient

    return tf.nest.map_structure(guard, tensors)


def accumulate(body, count):
    """Return `sum(body(i) for i in range(count))`."""
    static = isinstance(count, int)
    if tf.executing_eagerly() or (static and count <= _UNROLL):
        total = body(0)
        for index in range(1, int(count)):
            total = total + body(index)
        return total
    # One trace, and one class in memory at a time.
    _, total = tf.while_loop(
        lambda index, _: index < count,
        lambda index, total: (index + 1, total + body(index)),
        (tf.constant(1), body(0)),
        maximum_iterations=count - 1,
        parallel_iterations=1,
    )
    return total
