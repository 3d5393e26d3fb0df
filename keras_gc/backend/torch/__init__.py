"""torch: autograd with `create_graph`, eager."""

from keras_gc.backend.single_replica import (
    num_replicas,
    replica_id,
    replica_sum,
)
from keras_gc.backend.torch.differential import accumulate, linearize, vjp
from keras_gc.backend.torch.random_state import keep_random_state
from keras_gc.backend.torch.trainer import (
    apply_gradients,
    compiled,
    run_step,
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
    "keep_random_state",
    "linearize",
    "num_replicas",
    "replica_id",
    "replica_sum",
    "run_step",
    "value_and_gradients",
    "variable_scope",
    "vjp",
]
