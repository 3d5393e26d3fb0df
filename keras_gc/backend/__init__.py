"""The few differential primitives, in the framework that Keras runs on.

Everything above this package is written once, in `keras.ops`. A backend
folder says how its framework differentiates, and nothing else:

- `vjp(fn, x)`, of `fn(x) = (outputs, aux)`: outputs, aux and the pullback
  `u -> J^T u`.
- `linearize(fn, x)`, likewise: outputs, aux and the pushforward `v -> J v`.
- `accumulate(body, count)`: `sum(body(i) for i in range(count))`, with memory
  that does not grow with `count` where nothing is differentiated afterwards.
- `keep_random_state()`: a context after which the random state of the
  framework, Python and NumPy is what it was before; raises if it cannot be
  restored.
- `value_and_gradients(objective, variables, values=None, scale=1.0,
  differentiable=False)`: for the train step.
- `apply_gradients(optimizer, gradients, variables)`: for the train step, too.
- `variable_scope(model)`: where a model's variables may be created.
- `compiled(fn, constants, state, any_batch_size=True)`: `fn` traced once; it
  reads the variables and changes those of `state`.
- `eagerly()`: a context inside a trace in which values are concrete.
- `seeded(seed)`: a context in which the framework's own generator of random
  numbers, if it has one, starts from a seed.
- `run_step(model, step, *args)`: calls `step(data)` in the form in which the
  framework's trainer hands a batch over.
- `run_beside(model, step, *args)`: calls `step(data)` and returns the
  arguments that the model's own step is to be given afterwards.
- `supervise(model, function, variable, check)`: a train or test function
  whose first result is checked on the host; after an error the model is as it
  was.
- `num_replicas()`, `replica_id()`, `replica_sum(x)`: inside a train step; x
  is a tensor or a list of them.
- `replica_share(loss)`: of Keras's loss, so that the shares of all replicas
  add up to the loss of the global batch.
- `KEEPS_MASKS`: whether tensors keep their Keras masks through `vjp` and
  `linearize`.
- `SUPPORTS_JIT`: whether a train step with GC may be compiled.
"""

import keras

_BACKEND = keras.config.backend()

if _BACKEND == "tensorflow":
    from keras_gc.backend import tensorflow as _backend
elif _BACKEND == "jax":
    from keras_gc.backend import jax as _backend  # type: ignore[no-redef]
elif _BACKEND == "torch":
    from keras_gc.backend import torch as _backend  # type: ignore[no-redef]
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
run_beside = _backend.run_beside
run_step = _backend.run_step
seeded = _backend.seeded
supervise = _backend.supervise
eagerly = _backend.eagerly
num_replicas = _backend.num_replicas
replica_id = _backend.replica_id
replica_sum = _backend.replica_sum
replica_share = _backend.replica_share
