"""Random numbers that do not come from a Keras seed."""

import contextlib

from keras_gc.backend import errors
from keras_gc.backend.host_random import keep_host_random_state
from keras_gc.backend.tensorflow.operations import operation_types

# Operations that draw from a state of their own, which nobody can set back. A
# test goes through TensorFlow's operations for more.
DRAWING = frozenset({
    "AllCandidateSampler",
    "FixedUnigramCandidateSampler",
    "LearnedUnigramCandidateSampler",
    "LogUniformCandidateSampler",
    "Multinomial",
    "ParameterizedTruncatedNormal",
    "RandomCrop",
    "RandomGamma",
    "RandomPoisson",
    "RandomPoissonV2",
    "RandomShuffle",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "SampleDistortedBoundingBox",
    "SampleDistortedBoundingBoxV2",
    "StatefulRandomBinomial",
    "StatefulStandardNormal",
    "StatefulStandardNormalV2",
    "StatefulTruncatedNormal",
    "StatefulUniform",
    "StatefulUniformFullInt",
    "StatefulUniformInt",
    "ThreadUnsafeUnigramCandidateSampler",
    "TruncatedNormal",
    "UniformCandidateSampler",
})


@contextlib.contextmanager
def keep_random_state():
    """Raise if the block draws numbers that could not be drawn again."""
    with keep_host_random_state(), operation_types() as types:
        yield
    drawing = sorted(DRAWING & types)
    if drawing:
        raise errors.noise_of_its_own(drawing[0])
