"""Ours keep the law; each planted fault is told by the law that it breaks."""

import keras
import pytest
from keras import ops

from keras_gc import estimators
from tests.cases import ESTIMATORS


@pytest.mark.parametrize("name", ESTIMATORS)
def test_ours_keep_the_law(name):
    estimators.check_estimator(ESTIMATORS[name]())


class Reduced(estimators.ExactReverse):
    def estimate(self, fn, x, seed):
        aux, values = super().estimate(fn, x, seed)
        return aux, ops.mean(values)


class Half(estimators.ExactReverse):
    """Carries the factor 1/2 of other definitions."""

    def estimate(self, fn, x, seed):
        aux, values = super().estimate(fn, x, seed)
        return aux, values / 2


class Integers(estimators.ExactReverse):
    def estimate(self, fn, x, seed):
        aux, values = super().estimate(fn, x, seed)
        return aux, ops.cast(values, "int32")


class Blown(estimators.ExactReverse):
    def estimate(self, fn, x, seed):
        aux, values = super().estimate(fn, x, seed)
        return aux, values / 0.0


class OtherOutputs(estimators.ExactReverse):
    def __call__(self, fn, x, seed=None, has_aux=False):
        outputs, values = super().__call__(fn, x, seed, has_aux)
        return keras.tree.map_structure(lambda y: y, ops.zeros(3)), values


class Constant(estimators.ExactReverse):
    """A penalty on it would do nothing."""

    def estimate(self, fn, x, seed):
        aux, values = super().estimate(fn, x, seed)
        return aux, ops.stop_gradient(values)


class Scattered(estimators.ExactReverse):
    def estimate(self, fn, x, seed):
        aux, values = super().estimate(fn, x, seed)
        shape = ops.shape(values)
        return aux, values * keras.random.uniform(shape, 0.9, 1.1, seed=seed)


class Unrepeatable(estimators.Hutchinson):
    def estimate(self, fn, x, seed):
        return super().estimate(fn, x, None)


class Biased(estimators.Hutchinson):
    """One probe in eight is a tenth too long."""

    def draw(self, like, seed):
        vectors = super().draw(like, seed)
        row = ops.arange(ops.shape(vectors)[1]) % 8
        longer = ops.where(ops.equal(row, 0), 1.1, 1.0)
        return vectors * ops.cast(longer, vectors.dtype)[None, :, None]


class FarOff(estimators.FiniteDifference):
    def estimate(self, fn, x, seed):
        aux, values = super().estimate(fn, x, seed)
        return aux, 1.2 * values


class Forgetful(estimators.Hutchinson):
    def get_config(self):
        return {**super().get_config(), "num_probes": 1}

    def __init__(self, num_probes=1, probe="rademacher", mode="reverse"):
        super().__init__(num_probes + 1, probe, mode)

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "seed": 0})


class Uncounted(estimators.ExactReverse):
    def num_passes(self, num_outputs, num_inputs):
        return num_outputs / 2


class TracedOnly(estimators.ExactReverse):
    """What Python does once stays as it was when it was traced."""

    calls = 0

    def estimate(self, fn, x, seed):
        aux, values = super().estimate(fn, x, seed)
        type(self).calls += 1
        return aux, values * (2.0 if type(self).calls == 7 else 1.0)


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (Reduced, "shape .batch,."),
        (Integers, "dtype float32"),
        (Blown, "values are finite"),
        (OtherOutputs, "comes back as it was"),
        (Half, "values are exact"),
        (Constant, "gradients in the weights are exact"),
        (Scattered, "do not depend on the seed"),
        (Unrepeatable, "the same seed gives the same values"),
        (Biased, "values are right in the mean"),
        (FarOff, "right to 10%"),
        (Forgetful, "`get_config` returns"),
        (Uncounted, "`num_passes` is an int"),
        (TracedOnly, "eager and compiled"),
    ],
)
def test_a_planted_fault_is_told_by_its_law(broken, law):
    with pytest.raises(ValueError, match=f"breaks the law.*({law})"):
        estimators.check_estimator(broken())
