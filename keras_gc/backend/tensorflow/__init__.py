"""TensorFlow: GradientTape, tf.function, tf.distribute."""

from keras_gc.backend.in_place import supervise
from keras_gc.backend.tensorflow.differential import accumulate, linearize, vjp
from keras_gc.backend.tensorflow.random_state import keep_random_state
from keras_gc.backend.tensorflow.trainer import (
    apply_gradients,
    compiled,
    eagerly,
    num_replicas,
    replica_id,
    replica_share,
    replica_sum,
    run_beside,
    run_step,
    seeded,
    value_and_gradients,
    variable_scope,
)

KEEPS_MASKS = True
SUPPORTS_JIT = True

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
