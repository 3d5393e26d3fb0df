"""TensorFlow: GradientTape, tf.function, tf.distribute."""

from keras_gc.backend.tensorflow.differential import accumulate
from keras_gc.backend.tensorflow.differential import linearize
from keras_gc.backend.tensorflow.differential import vjp
from keras_gc.backend.tensorflow.trainer import apply_gradients
from keras_gc.backend.tensorflow.trainer import compiled
from keras_gc.backend.tensorflow.trainer import num_replicas
from keras_gc.backend.tensorflow.trainer import replica_id
from keras_gc.backend.tensorflow.trainer import replica_sum
from keras_gc.backend.tensorflow.trainer import run_step
from keras_gc.backend.tensorflow.trainer import value_and_gradients
from keras_gc.backend.tensorflow.trainer import variable_scope

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
