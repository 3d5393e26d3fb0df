"""How a train step differentiates, is traced and is replicated."""

import contextlib

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from keras_gc.backend import errors
from keras_gc.backend.scope import discard_updates
from keras_gc.backend.torch import replicas
from keras_gc.backend.torch.random_state import keep_random_state


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
    with torch.enable_grad(), contextlib.ExitStack() as stack:
        if differentiable:  # the fused attention kernels are so only once
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if values is None:
            points = [v.value for v in variables]
        else:
            points = [v.detach().requires_grad_() for v in values]
            pairs = zip(variables, points, strict=True)
            stack.enter_context(discard_updates(pairs))
        loss, aux = objective()
        scaled_loss = loss * scale
    if not points:  # which torch.autograd.grad refuses
        return loss, aux, []
    try:
        gradients = torch.autograd.grad(
            scaled_loss,
            points,
            allow_unused=True,
            create_graph=differentiable,
        )
    except (NotImplementedError, RuntimeError) as error:
        if "derivative" not in str(error):
            raise
        raise errors.no_second_derivative(error) from None
    return loss, aux, gradients


def apply_gradients(optimizer, gradients, variables):
    """Update the variables by the sum of the replicas' gradients."""
    used = [index for index, g in enumerate(gradients) if g is not None]
    sums = replicas.replica_sum([gradients[index] for index in used])
    gradients = list(gradients)
    for index, total in zip(used, sums, strict=True):
        gradients[index] = total
    with torch.no_grad():
        optimizer.apply(gradients, variables)


def variable_scope(model):
    """Return a scope that does nothing."""
    del model
    return contextlib.nullcontext()


def compiled(fn, constants, state, any_batch_size=True):
    """Return `fn` itself, without a graph behind its results."""
    del constants, state, any_batch_size

    def eager(*args):
        with torch.no_grad():
            return fn(*args)

    return eager


def run_step(model, step, data):
    """Call `step(data)`: torch's trainer hands over the data alone."""
    with replicas.train_step(model):
        return step(data)


def run_beside(model, step, data):
    """Call `step(data)`; return what the model's own step is to be given."""
    del model
    with keep_random_state():  # so that it draws what it would have drawn
        step(data)
    return (data,)


def eagerly():
    """Return a context in which values can be looked at."""
    return torch.no_grad()


@contextlib.contextmanager
def seeded(seed):
    """Run a block with torch's own generator at a seed, and put it back.

    Keras's Dropout without a seed draws from that generator.
    """
    if seed is None:
        yield
        return
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
