"""Estimators by name, config, class or instance."""

from typing import Any

from keras_gc.estimators.estimator import Estimator
from keras_gc.estimators.exact_forward import ExactForward
from keras_gc.estimators.exact_reverse import ExactReverse
from keras_gc.estimators.finite_difference import FiniteDifference
from keras_gc.estimators.hutchinson import Hutchinson
from keras_gc.estimators.sampled_outputs import SampledOutputs
from keras_gc.serialization import from_identifier

_ESTIMATORS = {
    "exact_reverse": ExactReverse,
    "exact_forward": ExactForward,
    "hutchinson": Hutchinson,
    "sampled_outputs": SampledOutputs,
    "finite_difference": FiniteDifference,
}


def get(identifier: Any) -> Estimator:
    """Return an estimator.

    Args:
        identifier: name (`"exact_reverse"`, `"exact_forward"`,
            `"hutchinson"`, `"sampled_outputs"`, `"finite_difference"`),
            a serialized config, a subclass of `Estimator` or an instance.

    Returns:
        An `Estimator` instance.

    Raises:
        ValueError: if the name is unknown.
        TypeError: if the identifier is none of these.

    Example:
    >>> import keras_gc
    >>> keras_gc.estimators.get("hutchinson")
    Hutchinson(num_probes=1, probe='rademacher', mode='reverse')
    """
    return from_identifier(identifier, Estimator, _ESTIMATORS, "an estimator")
