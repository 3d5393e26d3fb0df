"""Jacobian products with torch.autograd.grad: reverse mode throughout.

Forward mode fails for softmax and attention; the transpose of the pullback is
the pushforward, and it costs the same.
"""

import keras
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from keras_gc.backend import errors
from keras_gc.backend.torch.normalization import (
    thrice_differentiable_normalization,
)


def vjp(fn, x):
    """Return `(outputs, aux, pullback)` of `outputs, aux = fn(x)`."""
    differentiated_again = torch.is_grad_enabled()
    leaves = keras.tree.flatten(x)
    # The fused attention kernels have no second derivative.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        points = [_attached(leaf) for leaf in leaves]
        outputs, aux = fn(keras.tree.pack_sequence_as(x, points))
    _check_differentiable(outputs)

    def pullback(cotangent):
        # Under no_grad (evaluation) only the values are wanted.
        gradients = _gradients(
            outputs, points, cotangent, create_graph=differentiated_again
        )
        return keras.tree.pack_sequence_as(x, gradients)

    return outputs, aux, pullback


def linearize(fn, x):
    """Return `(outputs, aux, pushforward)` of `outputs, aux = fn(x)`."""
    differentiated_again = torch.is_grad_enabled()
    with torch.enable_grad(), thrice_differentiable_normalization():
        outputs, aux, pullback = vjp(fn, x)
        cotangent = torch.zeros_like(outputs, requires_grad=True)
        pulled_back = keras.tree.flatten(pullback(cotangent))

    def pushforward(tangent):
        (result,) = _gradients(
            pulled_back,
            [cotangent],
            keras.tree.flatten(tangent),
            create_graph=differentiated_again,
        )
        return result

    return outputs, aux, pushforward


def accumulate(body, count):
    """Return `sum(body(i) for i in range(count))`."""
    total = body(0)
    for index in range(1, count):
        total = total + body(index)
    return total


def _attached(leaf):
    """Return a leaf that autograd can differentiate with respect to."""
    return leaf if leaf.requires_grad else leaf.detach().requires_grad_()


def _check_differentiable(outputs):
    if not outputs.requires_grad:
        raise errors.disconnected_inputs()


def _gradients(outputs, points, cotangents, create_graph):
    try:
        gradients = torch.autograd.grad(
            outputs,
            points,
            cotangents,
            create_graph=create_graph,
            retain_graph=True,
            allow_unused=True,
        )
    except NotImplementedError as error:
        raise errors.no_second_derivative(error) from None
    if any(g is None for g in gradients):
        raise errors.disconnected_inputs()
    return gradients
