"""torch: autograd with `create_graph`, eager."""

from keras_gc.backend.in_place import supervise
from keras_gc.backend.torch.differential import accumulate, linearize, vjp
from keras_gc.backend.torch.random_state import keep_random_state
from keras_gc.backend.torch.replicas import (
    num_replicas,
    replica_id,
    replica_share,
    replica_sum,
)
from keras_gc.backend.torch.trainer import (
    apply_gradients,
    compiled,
    eagerly,
    run_beside,
    run_step,
    seeded,
    value_and_gradients,
    variable_scope,
)

KEEPS_MASKS = True
# torch.compile has no double backward.
SUPPORTS_JIT = False

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
