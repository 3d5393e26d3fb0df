"""JAX: vjp, linearize, jit, and stateful Keras code made pure by scopes."""

from keras_gc.backend.jax.differential import accumulate
from keras_gc.backend.jax.differential import linearize
from keras_gc.backend.jax.differential import vjp
from keras_gc.backend.jax.trainer import apply_gradients
from keras_gc.backend.jax.trainer import compiled
from keras_gc.backend.jax.trainer import run_step
from keras_gc.backend.jax.trainer import value_and_gradients
from keras_gc.backend.jax.trainer import variable_scope
from keras_gc.backend.single_replica import num_replicas
from keras_gc.backend.single_replica import replica_id
from keras_gc.backend.single_replica import replica_sum

__all__ = [
    "accumulate",
    "apply_gradients",
    "compiled",
    "linearize",
    "num_replicas",
    "replica_id",
    "replica_sum",
    "run_step",
    "value_and_gradients",
    "variable_scope",
    "vjp",
]
