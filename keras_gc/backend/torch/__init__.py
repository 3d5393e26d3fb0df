"""torch: autograd with `create_graph`, eager."""

from keras_gc.backend.torch.differential import accumulate
from keras_gc.backend.torch.differential import linearize
from keras_gc.backend.torch.differential import vjp
from keras_gc.backend.torch.trainer import apply_gradients
from keras_gc.backend.torch.trainer import compiled
from keras_gc.backend.torch.trainer import run_step
from keras_gc.backend.torch.trainer import value_and_gradients
from keras_gc.backend.torch.trainer import variable_scope
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
