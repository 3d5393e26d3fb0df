"""For a framework in which Keras trains one logical replica.

On JAX a batch is global, whatever its sharding.
"""


def num_replicas():
    """Return the number of replicas that work on one global batch: 1."""
    return 1


def replica_id():
    """Return the number of this replica: 0."""
    return 0


def replica_sum(x):
    """Return the sum of `x` over the replicas: `x`."""
    return x


def replica_share(loss):
    """Return this replica's share of the loss: all of it."""
    return loss
