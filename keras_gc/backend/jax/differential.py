"""Jacobian products with jax.vjp and jax.linearize."""

import jax

from keras_gc.backend import errors
from keras_gc.backend.jax.scope import pure, replay


def vjp(fn, x):
    """Return `(outputs, aux, pullback)` of `outputs, aux = fn(x)`."""
    outputs, transpose, (aux, updates) = jax.vjp(pure(fn), x, has_aux=True)
    replay(updates)
    _check_connected(lambda u: transpose(u)[0], outputs)
    return outputs, aux, lambda cotangent: transpose(cotangent)[0]


def linearize(fn, x):
    """Return `(outputs, aux, pushforward)` of `outputs, aux = fn(x)`."""
    outputs, pushforward, (aux, updates) = jax.linearize(
        pure(fn), x, has_aux=True
    )
    replay(updates)
    return outputs, aux, pushforward


def accumulate(body, count):
    """Return `sum(body(i) for i in range(count))`.

    One trace for any count. Differentiated, each product is computed again
    instead of stored, so memory does not grow with the count.
    """
    if count == 1:
        return body(0)
    body = jax.checkpoint(body)
    indices = jax.numpy.arange(1, count)
    total, _ = jax.lax.scan(
        lambda total, index: (total + body(index), None), body(0), indices
    )
    return total


def _check_connected(pullback, outputs):
    """Raise where a cotangent cannot reach some input (JAX gives zeros)."""
    jaxpr = jax.make_jaxpr(pullback)(outputs).jaxpr
    reached = set(jaxpr.invars)
    for equation in jaxpr.eqns:
        used = {v for v in equation.invars if not hasattr(v, "val")}
        if used & reached:
            reached.update(equation.outvars)
    if not all(v in reached for v in jaxpr.outvars if not hasattr(v, "val")):
        raise errors.disconnected_inputs()
    if any(hasattr(v, "val") for v in jaxpr.outvars):
        raise errors.disconnected_inputs()
