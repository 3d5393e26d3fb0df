"""Jacobian products with jax.vjp and jax.linearize."""

import jax

from keras_gc.backend import errors
from keras_gc.backend.jax.scope import pure, replay

# On CPU, XLA's convolutions are many times slower inside a loop.
_UNROLL = 16


def vjp(fn, x):
    """Return `(outputs, aux, pullback)` of `outputs, aux = fn(x)`."""
    outputs, aux, _, linear = _linearized(fn, x)
    if not _is_reverse_only(linear):
        _check_connected(linear.jaxpr)
        return outputs, aux, _pullback_of(linear, x)
    outputs, transpose, (aux, _) = jax.vjp(pure(fn), x, has_aux=True)

    def pullback(cotangent):
        return transpose(cotangent)[0]

    _check_connected(jax.make_jaxpr(pullback)(outputs).jaxpr)
    return outputs, aux, pullback


def linearize(fn, x):
    """Return `(outputs, aux, pushforward)` of `outputs, aux = fn(x)`."""
    outputs, aux, pushforward, linear = _linearized(fn, x)
    if _is_reverse_only(linear):  # JAX tells when it compiles
        raise errors.no_forward_mode("a jax.custom_vjp")
    _check_connected(linear.jaxpr)
    return outputs, aux, pushforward


def _pullback_of(linear, x):
    """Return `v -> J^T v`, whose own gradient is taken in forward mode.

    `linear` is the jaxpr of `u -> J u`.

    The cotangent u of J^T v gives the weights the gradient of `v^T J u`. JAX
    would transpose the transpose, and the convolutions that come out of this
    are several times slower on CPU.
    """
    # All that it holds becomes an argument: a rule may be traced again, in a
    # loop, where what comes from an outer trace is no constant.
    is_real = [_is_real(residual) for residual in linear.consts]
    reals, others = _divided(linear.consts, is_real)

    def product(tangent, reals, others):
        rest = iter(reals), iter(others)
        residuals = [next(rest[not real]) for real in is_real]
        leaves = jax.tree.leaves(tangent)
        (outputs,) = jax.core.eval_jaxpr(linear.jaxpr, residuals, *leaves)
        return outputs

    @jax.custom_vjp
    def pullback(cotangent, reals, others):
        transpose = jax.linear_transpose(
            lambda tangent: product(tangent, reals, others), x
        )
        return transpose(cotangent)[0]

    def forward(cotangent, reals, others):
        # With its own rule again, for whoever differentiates twice.
        saved = cotangent, reals, others
        return pullback(*saved), saved

    def backward(saved, tangent):
        cotangent, reals, others = saved

        def value(tangent, cotangent, reals):
            outputs = product(tangent, reals, others)
            return jax.numpy.vdot(cotangent, outputs)

        # With respect to the tangent as well, though nobody uses it: JAX fails
        # to transpose a `pad` of a constant.
        _, *gradients = jax.grad(value, (0, 1, 2))(tangent, cotangent, reals)
        return *gradients, None

    pullback.defvjp(forward, backward)
    return lambda cotangent: pullback(cotangent, reals, others)


def _is_real(residual):
    return jax.numpy.issubdtype(jax.typeof(residual).dtype, jax.numpy.floating)


def _divided(items, is_first):
    """Return the items for which it is so, and the others."""
    pairs = list(zip(items, is_first, strict=True))
    return [a for a, b in pairs if b], [a for a, b in pairs if not b]


def accumulate(body, count):
    """Return `sum(body(i) for i in range(count))`.

    One trace for a large count. Differentiated, each product is then computed
    again instead of stored, so memory does not grow with the count.
    """
    if count <= _UNROLL:
        return sum(map(body, range(1, count)), body(0))
    body = jax.checkpoint(body)
    indices = jax.numpy.arange(1, count)
    total, _ = jax.lax.scan(
        lambda total, index: (total + body(index), None), body(0), indices
    )
    return total


def _linearized(fn, x):
    """Return outputs, aux, the pushforward `u -> J u`, and its jaxpr."""
    outputs, pushforward, (aux, updates) = jax.linearize(
        pure(fn), x, has_aux=True
    )
    replay(updates)
    return outputs, aux, pushforward, jax.make_jaxpr(pushforward)(x)


def _is_reverse_only(linear):
    return "custom_lin" in _primitives(linear.jaxpr)


def _primitives(jaxpr):
    """Return the names of all primitives, those of inner functions too."""
    names = set()
    for equation in jaxpr.eqns:
        names.add(equation.primitive.name)
        for value in jax.tree.leaves(
            list(equation.params.values()), is_leaf=_is_jaxpr
        ):
            if _is_jaxpr(value):
                names |= _primitives(getattr(value, "jaxpr", value))
    return names


def _is_jaxpr(value):
    return hasattr(value, "eqns")


def _check_connected(jaxpr):
    """Raise if an input influences no output, or an output depends on none.

    JAX itself would return zeros.
    """
    met = set()
    for argument in jaxpr.invars:
        reached = {argument}
        for equation in jaxpr.eqns:
            if reached.intersection(_variables(equation.invars)):
                reached.update(equation.outvars)
        if not reached.intersection(_variables(jaxpr.outvars)):
            raise errors.disconnected_inputs()
        met |= reached
    if not all(_is_variable(v) and v in met for v in jaxpr.outvars):
        raise errors.disconnected_inputs()


def _variables(atoms):
    return [v for v in atoms if _is_variable(v)]


def _is_variable(atom):
    return not hasattr(atom, "val")  # a literal has its value
