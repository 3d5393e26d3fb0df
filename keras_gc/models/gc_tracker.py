"""The `gc` metric, and the state that a train step needs beside it."""

import random

import keras
from keras import ops

from keras_gc import backend


class GCTracker(keras.metrics.Mean):
    """Mean of GC over the examples of an epoch.

    A metric's variables are carried through training by every backend and are
    not among a model's weights. So this one also holds what must be able to
    change without a new trace: the penalty's weight, the seed's state and the
    estimator's.

    Args:
        estimator: the estimator that the values come from.
        heuristics: the heuristics of the train step.
    """

    def __init__(self, estimator, heuristics=()):
        super().__init__(name="gc", dtype="float32")
        self.estimator = estimator
        self.weight = self.add_variable(
            (), "zeros", dtype="float32", aggregation="mean", name="weight"
        )
        self.seed = ReplicaSeed(_fresh_seed())
        self.seeds = [
            ReplicaSeed(_heuristic_seed(heuristic)) for heuristic in heuristics
        ]

    @property
    def variables(self):
        """All state, the estimator's as soon as it is built."""
        return [
            *super().variables,
            *(seed.state for seed in (self.seed, *self.seeds)),
            *self.estimator.variables,
        ]

    def reset_state(self):
        """Forget the examples seen, and nothing else."""
        self.total.assign(ops.zeros(()))
        self.count.assign(ops.zeros(()))


class ReplicaSeed(keras.random.SeedGenerator):
    """A seed generator that gives each replica numbers of its own."""

    def next(self, ordered=True):
        """Return the next seed."""
        seed = super().next(ordered)
        if backend.num_replicas() == 1:
            return seed
        shift = ops.stack([ops.cast(backend.replica_id(), seed.dtype), 0])
        return seed + shift


def _heuristic_seed(heuristic):
    """Return a seed in which each kind of heuristic differs.

    So InputNoise(0.1, seed=0) and LabelNoise(0.1, seed=0) are independent.
    """
    seed = _fresh_seed() if heuristic.seed is None else heuristic.seed
    kind = type(heuristic).__name__
    return random.Random(f"{kind} {seed}").randrange(1, 2**31)


def _fresh_seed():
    """Return a seed that `keras.utils.set_random_seed` makes repeatable.

    Drawn from a copy: a model with GC leaves the random numbers of all others
    as they are.
    """
    generator = random.Random()
    generator.setstate(random.getstate())
    return generator.randrange(1, 2**31)
