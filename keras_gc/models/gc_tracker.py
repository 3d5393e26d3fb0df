"""The `gc` metric, and the state that a train step needs beside it."""

import random
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_gc import backend
from keras_gc.estimators.estimator import Estimator
from keras_gc.logits.facts import Facts
from keras_gc.models.gc_target import GCTarget
from keras_gc.models.step_metric import StepMetric

# Logs that an evaluation has not.
ONLY_IN_TRAINING = ("gc_weight", "loss_without_gc")


class GCTracker(StepMetric):
    """Mean of GC over the examples of an epoch.

    A metric's variables are carried through training by every backend and are
    not among a model's weights. So this one also holds what must be able to
    change without a new trace: the penalty's weight, the seeds' state, the
    estimator's, and what the first batch has shown.

    Args:
        estimator: the estimator that the values come from.
        heuristics: the heuristics of the train step.
    """

    def __init__(self, estimator: Estimator, heuristics: Sequence = ()):
        super().__init__(name="gc", dtype="float32")
        self.estimator = estimator
        self.weight = self._state("weight", keras.config.floatx())
        # Variables of the user's that the weight is read from.
        self.weight_variables: list[keras.Variable] = []
        # A metric of its own to the model, and so not tracked as a part.
        self.__dict__["target"] = GCTarget()
        self.__dict__["loss_without_gc"] = LossWithoutGC()
        # Batches since the epoch began, of which some are looked at.
        self.batches = self._state("batches", "int32", "only_first_replica")
        self.facts = self.add_variable(
            (len(Facts._fields),),
            "zeros",
            dtype="float32",
            aggregation="mean",
            name="facts",
        )
        self.seed = ReplicaSeed(_fresh_seed())
        # Begins anew with each evaluation, so that evaluation repeats.
        self.evaluation_seed = ReplicaSeed(_fresh_seed())
        self._first_evaluation_seed = ops.convert_to_numpy(
            self.evaluation_seed.state
        )
        self.seeds = [
            ReplicaSeed(_heuristic_seed(heuristic)) for heuristic in heuristics
        ]

    def _state(self, name, dtype, aggregation="mean"):
        return self.add_variable(
            (), "zeros", dtype=dtype, aggregation=aggregation, name=name
        )

    @property
    def variables(self) -> list[keras.Variable]:
        """All state, the estimator's as soon as it is built."""
        return [
            *super().variables,
            *self.weight_variables,
            *self._seed_states,
            *self.estimator.variables,
        ]

    @property
    def _seed_states(self):
        seeds = (self.seed, self.evaluation_seed, *self.seeds)
        return [seed.state for seed in seeds]

    def reset_state(self) -> None:
        """Forget the examples seen, and nothing else."""
        self.total.assign(ops.zeros(()))
        self.count.assign(ops.zeros(()))
        self.batches.assign(ops.zeros((), "int32"))
        self.evaluation_seed.state.assign(self._first_evaluation_seed)

    @property
    def saved(self) -> list[keras.Variable]:
        """What the next step goes on from: seeds and estimator."""
        return [*self._seed_states, *self.estimator.variables]


class LossWithoutGC(StepMetric):
    """Mean of the loss over the examples of an epoch, the penalty apart.

    `val_loss` holds no penalty either, and can be compared with it.
    """

    def __init__(self):
        super().__init__(name="loss_without_gc", dtype="float32")


class ReplicaSeed(keras.random.SeedGenerator):
    """A seed generator that gives each replica numbers of its own."""

    def next(self, ordered: bool = True) -> Any:
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
