"""Jacobian products with GradientTape: reverse mode throughout.

`tf.autodiff.ForwardAccumulator` is not used: it returns None for recurrent
layers in a graph and compiles badly under XLA. The transpose of the pullback
is the pushforward, and it costs the same.
"""

import tensorflow as tf

from keras_gc.backend import errors
from keras_gc.backend.tensorflow.moments import twice_differentiable_moments
from keras_gc.backend.tensorflow.operations import operation_types

# TensorFlow takes the results of these operations for constant, without an
# error: what is differentiated through them would be wrong. All are gradients
# of another operation. A test goes through TensorFlow's registry for more.
SILENTLY_CONSTANT = frozenset({
    "FakeQuantWithMinMaxArgsGradient",
    "FakeQuantWithMinMaxVarsGradient",
    "FakeQuantWithMinMaxVarsPerChannelGradient",
    "ResizeBilinearGrad",
    "SparseAddGrad",
})
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
        try:
            with operation_types() as types:
                gradients = tape.gradient(
                    outputs, x, output_gradients=cotangent
                )
        except LookupError as error:
            raise errors.no_derivative(error) from None
        if any(g is None for g in tf.nest.flatten(gradients)):
            raise errors.disconnected_inputs()
        gradients = tf.nest.map_structure(tf.convert_to_tensor, gradients)
        return guard_second_derivatives(gradients, types)

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


def guard_second_derivatives(gradients, types):
    """Wrap gradients so that differentiating them raises where it must.

    TensorFlow would silently return a wrong result. `types`: those of the
    operations that computed the gradients.
    """
    for name in sorted(SILENTLY_CONSTANT & types):
        gradients = tf.nest.map_structure(
            lambda tensor, name=name: _raising_on_gradient(tensor, name),
            gradients,
        )
    return gradients


def _raising_on_gradient(tensor, name):
    """Return the same tensor; whoever differentiates it gets an error."""

    @tf.custom_gradient
    def guard(tensor):
        def gradient(upstream):
            raise errors.no_second_derivative(f"{name} has no gradient")

        return tf.identity(tensor), gradient

    return guard(tensor)


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
