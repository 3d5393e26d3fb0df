"""Estimators by name, config, class or instance."""

import inspect

import keras

from keras_gc.estimators.estimator import Estimator
from keras_gc.estimators.exact_forward import ExactForward
from keras_gc.estimators.exact_reverse import ExactReverse
from keras_gc.estimators.finite_difference import FiniteDifference
from keras_gc.estimators.hutchinson import Hutchinson
from keras_gc.estimators.sampled_outputs import SampledOutputs

_ESTIMATORS = {
    "exact_reverse": ExactReverse,
    "exact_forward": ExactForward,
    "hutchinson": Hutchinson,
    "sampled_outputs": SampledOutputs,
    "finite_difference": FiniteDifference,
}


def get(identifier) -> Estimator:
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
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, str):
        if identifier not in _ESTIMATORS:
            raise ValueError(
                f"Unknown estimator. Known: {sorted(_ESTIMATORS)}, or an "
                "instance of a `keras_gc.estimators.Estimator`. Received: "
                f"{identifier!r}"
            )
        identifier = _ESTIMATORS[identifier]
    if inspect.isclass(identifier) and issubclass(identifier, Estimator):
        identifier = identifier()
    if not isinstance(identifier, Estimator):
        raise TypeError(
            "An estimator must be a name, a config, a subclass or an instance "
            f"of `keras_gc.estimators.Estimator`. Received: {identifier!r} "
            f"(of type {type(identifier).__name__})"
        )
    return identifier
