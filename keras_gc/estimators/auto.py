"""What `"auto"` stands for: the estimator that fits the purpose."""

from keras_gc.estimators.estimator import Estimator
from keras_gc.estimators.exact_forward import ExactForward
from keras_gc.estimators.exact_reverse import ExactReverse
from keras_gc.estimators.hutchinson import Hutchinson
from keras_gc.estimators.sampled_outputs import SampledOutputs

# Measured exactly up to this many Jacobian products per example.
_EXACT_UP_TO = 32


def for_measuring(
    num_outputs: int, num_inputs: int, has_fixed_shapes: bool = True
) -> Estimator:
    """Choose the estimator that measures: exact where that is affordable.

    Args:
        num_outputs: int, K, outputs per example.
        num_inputs: int, d, inputs per example.
        has_fixed_shapes: bool, whether K is the same in all batches.
            Defaults to True.

    Returns:
        The cheaper one of `ExactReverse()` and `ExactForward()` if it takes
        at most 32 Jacobian products. Else `SampledOutputs()`, which takes one
        product and has the least noise in the value; `Hutchinson()` where K
        changes.
    """

    def passes(estimator):
        return estimator.num_passes(num_outputs, num_inputs)

    exact = min(ExactReverse(), ExactForward(), key=passes)
    if passes(exact) <= _EXACT_UP_TO:
        return exact
    return SampledOutputs() if has_fixed_shapes else Hutchinson()


def for_penalty() -> Estimator:
    """Choose the estimator of a training penalty: one product.

    Returns:
        The one with the least noise in the penalty's weight gradient
        (`keras-gc bench --noise`).
    """
    return Hutchinson(probe="balanced")


def for_metric() -> Estimator:
    """Choose the estimator of GC that is only watched: one product.

    Returns:
        The same as for a penalty, so that `gc` does not change its meaning
        when a weight is set.
    """
    return for_penalty()
