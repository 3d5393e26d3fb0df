"""JAX: vjp, linearize, jit, and stateful Keras code made pure by scopes."""

from keras_gc.backend.host_random import keep_host_random_state
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
keep_random_state = keep_host_random_state  # JAX has none of its own

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
