"""Ways to get the squared Frobenius norm of each example's Jacobian."""

from keras_gc.estimators.check_estimator import check_estimator
from keras_gc.estimators.estimator import Estimator
from keras_gc.estimators.exact_forward import ExactForward
from keras_gc.estimators.exact_reverse import ExactReverse
from keras_gc.estimators.finite_difference import FiniteDifference
from keras_gc.estimators.hutchinson import Hutchinson
from keras_gc.estimators.sampled_outputs import SampledOutputs
from keras_gc.estimators.serialization import get

__all__ = [
    "Estimator",
    "ExactForward",
    "ExactReverse",
    "FiniteDifference",
    "Hutchinson",
    "SampledOutputs",
    "check_estimator",
    "get",
]
