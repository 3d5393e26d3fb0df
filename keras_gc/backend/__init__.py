"""The few differential primitives, in the framework that Keras runs on.

Everything above this package is written once, in `keras.ops`. A backend
folder says how its framework differentiates, and nothing else:

- `vjp(fn, x)`: outputs of `fn` and the pullback `u -> J^T u`.
- `linearize(fn, x)`: outputs of `fn` and the pushforward `v -> J v`.
- `accumulate(body, count)`: `sum(body(i) for i in range(count))`, with memory
  that does not grow with `count` where nothing is differentiated afterwards.
- `keep_random_state()`: a context after which the framework's own random
  numbers are those before it; raises where they cannot be set back.
- `value_and_gradients(objective, variables, values=None, scale=1.0,
  differentiable=False)`: for the train step.
- `apply_gradients(optimizer, gradients, variables)`: likewise.
- `variable_scope(model)`: where a model's variables may be created.
- `compiled(fn, constants, state)`: `fn` traced once; it reads the variables
  and changes those of `state`.
- `run_step(model, step, *args)`: calls `step(data)` in the form in which the
  framework's trainer hands a batch over.
- `num_replicas()`, `replica_id()`, `replica_sum(x)`: inside a train step; x
  is a tensor or a list of them.
- `KEEPS_MASKS`: whether tensors keep their Keras masks through `vjp` and
  `linearize`.
- `SUPPORTS_JIT`: whether a train step with GC may be compiled.
"""

import keras

_BACKEND = keras.config.backend()

if _BACKEND == "tensorflow":
    from keras_gc.backend import tensorflow as _backend
elif _BACKEND == "jax":
    from keras_gc.backend import jax as _backend
elif _BACKEND == "torch":
    from keras_gc.backend import torch as _backend
else:
    raise ImportError(
        "keras_gc needs automatic differentiation: the Keras backend must be "
        "'tensorflow', 'jax' or 'torch'. Received: "
        f"keras.config.backend()='{_BACKEND}'. Set the environment variable "
        "KERAS_BACKEND before Keras is imported."
    )

KEEPS_MASKS = _backend.KEEPS_MASKS
SUPPORTS_JIT = _backend.SUPPORTS_JIT
vjp = _backend.vjp
linearize = _backend.linearize
accumulate = _backend.accumulate
keep_random_state = _backend.keep_random_state
value_and_gradients = _backend.value_and_gradients
apply_gradients = _backend.apply_gradients
variable_scope = _backend.variable_scope
compiled = _backend.compiled
run_step = _backend.run_step
num_replicas = _backend.num_replicas
replica_id = _backend.replica_id
replica_sum = _backend.replica_sum
