"""The replicas are the processes of `torch.distributed`, in a train step.

Keras gives each process batches of its own, and its loss is the mean over
these. Outside of train steps (evaluation, measuring) a process waits for
nobody, and is alone.
"""

import contextlib
import contextvars
import weakref

import keras
import torch
import torch.distributed as dist

_trains = contextvars.ContextVar("_trains", default=False)
_started: weakref.WeakSet = weakref.WeakSet()  # optimizers


def num_replicas():
    """Return the number of replicas that work on one global batch."""
    return dist.get_world_size() if _trains.get() else 1


def replica_id():
    """Return the number of this replica."""
    return dist.get_rank() if _trains.get() else 0


def replica_sum(x):
    """Return the sum of `x` over the replicas, as a constant."""
    if num_replicas() == 1:
        return x
    leaves = [leaf.detach() for leaf in keras.tree.flatten(x)]
    return keras.tree.pack_sequence_as(x, _together(dist.all_reduce, leaves))


def replica_share(loss):
    """Return this replica's share of the loss, of which Keras has the mean."""
    return loss / num_replicas()


@contextlib.contextmanager
def train_step(model):
    """In the block the processes are replicas of one model.

    They begin with the same state, the first's, and the statistics that
    layers keep of their batches (BatchNormalization) are averaged after it.
    """
    if not _are_replicas():
        yield
        return
    token = _trains.set(True)
    try:
        if model.optimizer not in _started:
            _started.add(model.optimizer)
            _start_alike(model)
        yield
        _average([
            v
            for v in model.non_trainable_variables
            if torch.is_floating_point(v.value)
        ])
    finally:
        _trains.reset(token)


def _are_replicas():
    if not (dist.is_available() and dist.is_initialized()):
        return False
    # With sharded variables the batch is global, as it is on JAX.
    return not isinstance(
        keras.distribution.distribution(), keras.distribution.ModelParallel
    )


def _start_alike(model):
    variables = [
        *model.trainable_variables,
        *model.non_trainable_variables,
        *model.optimizer.variables,
        *model.metrics_variables,  # seeds and running means too
    ]
    _assign(variables, _together(_from_first, _values(variables)))


def _average(variables):
    sums = _together(dist.all_reduce, _values(variables))
    _assign(variables, [s / dist.get_world_size() for s in sums])


def _from_first(tensor):
    dist.broadcast(tensor, src=0)


def _values(variables):
    return [v.value.detach() for v in variables]


def _assign(variables, values):
    with torch.no_grad():
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def _together(collective, tensors):
    """Return what a collective makes of tensors: one call for each dtype."""
    results = list(tensors)
    for dtype in dict.fromkeys(t.dtype for t in tensors):
        members = [i for i, t in enumerate(tensors) if t.dtype == dtype]
        joined = torch.cat([tensors[i].reshape(-1) for i in members])
        collective(joined)
        parts = joined.split([tensors[i].numel() for i in members])
        for i, part in zip(members, parts, strict=True):
            results[i] = part.reshape(tensors[i].shape)
    return results
