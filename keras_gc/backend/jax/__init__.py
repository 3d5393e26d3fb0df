"""JAX: vjp, linearize, jit, and stateful Keras code made pure by scopes."""

from contextlib import nullcontext

from keras_gc.backend.jax.differential import accumulate, linearize, vjp
from keras_gc.backend.jax.trainer import (
    apply_gradients,
    compiled,
    eagerly,
    run_beside,
    run_step,
    seeded,
    supervise,
    value_and_gradients,
    variable_scope,
)
from keras_gc.backend.single_replica import (
    num_replicas,
    replica_id,
    replica_share,
    replica_sum,
)

KEEPS_MASKS = False
SUPPORTS_JIT = True
keep_random_state = nullcontext  # JAX has no global generator

__all__ = [
    "KEEPS_MASKS",
    "SUPPORTS_JIT",
    "accumulate",
    "apply_gradients",
    "compiled",
    "eagerly",
    "keep_random_state",
    "linearize",
    "num_replicas",
    "replica_id",
    "replica_share",
    "replica_sum",
    "run_beside",
    "run_step",
    "seeded",
    "supervise",
    "value_and_gradients",
    "variable_scope",
    "vjp",
]
