"""How a train step differentiates, is traced and is replicated."""

import contextlib

import jax
import keras

from keras_gc import keras_seam
from keras_gc.backend.host_random import keep_host_random_state
from keras_gc.backend.jax.scope import pure, replay
from keras_gc.backend.scope import discard_updates


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
    del differentiable  # every gradient is

    def loss_of(values):
        with discard_updates(zip(variables, values, strict=True)):
            loss, (aux, updates) = pure(lambda _: objective())(None)
        return loss * scale, (loss, aux, updates)

    at = [v.value for v in variables] if values is None else list(values)
    gradients, (loss, aux, updates) = jax.grad(loss_of, has_aux=True)(at)
    if values is None:
        # As in Keras's own step, a weight that a layer assigns in its forward
        # pass (SpectralNormalization) starts from its old value next time.
        own = {id(v) for v in variables}
        replay({k: value for k, value in updates.items() if k not in own})
    return loss, aux, gradients


def apply_gradients(optimizer, gradients, variables):
    """Update the variables, in the scope of the step."""
    values, state = optimizer.stateless_apply(
        [v.value for v in optimizer.variables],
        gradients,
        [v.value for v in variables],
    )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    for variable, value in zip(optimizer.variables, state, strict=True):
        variable.assign(value)


def variable_scope(model):
    """Return a scope that does nothing."""
    del model
    return contextlib.nullcontext()


def compiled(fn, constants, state, any_batch_size=True):
    """Return `fn` jitted: it reads variables, and changes those of `state`."""
    del any_batch_size  # each size is traced
    variables = [*constants, *state]

    @jax.jit
    def stateless(values, *args):
        mapping = zip(variables, values, strict=True)
        with keras.StatelessScope(mapping) as scope:
            outputs = fn(*args)
        return outputs, [scope.get_current_value(v) for v in state]

    def stateful(*args):
        outputs, values = stateless([v.value for v in variables], *args)
        for variable, value in zip(state, values, strict=True):
            variable.assign(value)
        return outputs

    return stateful


def eagerly():
    """Return a context in which values can be looked at, inside of a trace."""
    return jax.ensure_compile_time_eval()


def seeded(seed):
    """Return a context for JAX's own generator: there is none."""
    del seed
    return contextlib.nullcontext()


def run_step(model, step, state, data):
    """Call `step(data)` on the state that JAX's trainer hands over.

    The state is the values of the trainable, non-trainable, optimizer (in
    training only) and metrics variables; the new one is returned with the
    step's result.
    """
    groups = _groups(model, state)
    mapping = [
        pair
        for group, values in zip(groups, state, strict=True)
        for pair in zip(group, values, strict=True)
    ]
    with keras.StatelessScope(mapping, collect_losses=True) as scope:
        result = step(data)
    new_state = tuple(
        [scope.get_current_value(v) for v in group] for group in groups
    )
    return result, new_state


def run_beside(model, step, state, data):
    """Call `step(data)`; return what the model's own step is to be given."""
    with keep_host_random_state():  # so that it draws what it would have drawn
        _, state = run_step(model, step, state, data)
    return state, data


def supervise(model, function, variable, check):
    """Return `function`, whose first result is checked on the host.

    `check` is called with what the metric's variable has become. If the
    function or the check raises, the model is as it was before: JAX's trainer
    has taken its weights, and would not give them back.
    """
    passed = False

    def supervised(state, *args):
        nonlocal passed
        if passed:
            return function(state, *args)
        groups = _groups(model, state)
        before = jax.tree.map(jax.numpy.copy, state)
        position = [v is variable for v in groups[-1]].index(True)
        try:
            result = function(state, *args)
            check(jax.device_get(result[1][-1][position]))
        except BaseException:
            keras_seam.forget_jax_state(model)
            for group, values in zip(groups, before, strict=True):
                for v, value in zip(group, values, strict=True):
                    v.assign(value)
            raise
        passed = True
        return result

    return supervised


def _groups(model, state):
    groups = [model.trainable_variables, model.non_trainable_variables]
    if len(state) == 4:
        groups.append(model.optimizer.variables)
    return [*groups, model.metrics_variables]
