"""How a train step differentiates, is traced and is replicated."""

import contextlib

import keras
import torch

from keras_gc.backend import errors


def value_and_gradients(objective, variables, values=None):
    """Return `(aux, gradients)` of `loss, aux = objective()`.

    The gradients are with respect to the variables or, where `values` are
    given, at these values in place of the variables' own; what the objective
    assigns to variables (statistics, seeds) is then dropped.
    """
    if values is None:
        points = [v.value for v in variables]
        loss, aux = objective()
    else:
        points = [v.detach().requires_grad_() for v in values]
        with keras.StatelessScope(zip(variables, points, strict=True)):
            loss, aux = objective()
    try:
        gradients = torch.autograd.grad(loss, points, allow_unused=True)
    except (NotImplementedError, RuntimeError) as error:
        if "derivative" not in str(error):
            raise
        raise errors.no_second_derivative(error) from None
    return aux, gradients


def apply_gradients(optimizer, gradients, variables):
    """Update the variables."""
    with torch.no_grad():
        optimizer.apply(gradients, variables)


def variable_scope(model):
    """Return a scope that does nothing."""
    del model
    return contextlib.nullcontext()


def compiled(fn, constants, state):
    """Return `fn` itself, without a graph behind its results."""
    del constants, state

    def eager(*args):
        with torch.no_grad():
            return fn(*args)

    return eager


def run_step(model, step, data):
    """Call `step(data)`: torch's trainer hands over the data alone."""
    del model
    return step(data)
