"""The singular values of the logits' Jacobian, and how many count."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_gc.theory.logit_jacobian import logit_jacobian
from keras_gc.theory.model_batches import model_batches


@dataclasses.dataclass(frozen=True)
class JacobianSpectrum:
    """Singular values of J(x) at each example x.

    Attributes:
        singular_values: array of shape `(examples, min(K, d))`, from the
            largest to the smallest, in logit / input unit. The sum of their
            squares is the squared Frobenius norm, whose mean is the geometric
            complexity.
        effective_rank: array of shape `(examples,)`: `exp(H(p))` with the
            entropy `H` of `p_i = s_i / sum_j s_j`, between 1 and min(K, d);
            the rank if all singular values that are not 0 are equal. It is 0
            where J is 0.
    """

    singular_values: np.ndarray
    effective_rank: np.ndarray


def jacobian_spectrum(
    model: keras.Model,
    x: Any,
    *,
    inputs: str | Sequence[str] | None = None,
    outputs: str | None = None,
    batch_size: int = 32,
) -> JacobianSpectrum:
    """Singular values and effective rank of `J = df/dx` at each example.

    With f the logits (a softmax or sigmoid at the end is stepped over), the
    whole matrix J is computed, by min(K, d) products per example, and then
    decomposed in float64. The model runs in inference mode and is not changed.

    Args:
        model: `keras.Model`, built.
        x: the data, as for `keras_gc.geometric_complexity`.
        inputs: str or list of str, names of layers at whose outputs the
            Jacobian is taken, or of some of the model's several inputs.
            Defaults to all real inputs.
        outputs: str, name of a layer whose output is taken for f. Defaults to
            the logits.
        batch_size: int, examples at a time, for arrays. Memory holds
            `batch_size * K * d` numbers. Defaults to 32.

    Returns:
        A `JacobianSpectrum`.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> layer = keras.layers.Dense(2, use_bias=False)
    >>> model = keras.Sequential([keras.Input((2,)), layer])
    >>> model.set_weights([np.diag([3.0, 4.0])])
    >>> x = np.ones((1, 2))
    >>> keras_gc.theory.jacobian_spectrum(model, x).singular_values
    array([[4., 3.]])

    Reference: Roy & Vetterli 2007, "The effective rank", definition 1.
    """
    jacobian = logit_jacobian(model, inputs, outputs)
    values = np.concatenate([
        np.linalg.svd(jacobian.matrix(batch), compute_uv=False)
        for batch in model_batches(model, x, batch_size)
    ])
    return JacobianSpectrum(values, _effective_rank(values))


def _effective_rank(values: np.ndarray) -> np.ndarray:
    total = values.sum(axis=1, keepdims=True)
    shares = np.divide(
        values, total, out=np.zeros_like(values), where=total > 0
    )
    logs = np.log(shares, out=np.zeros_like(values), where=shares > 0)
    entropy = -np.sum(shares * logs, axis=1)
    return np.where(total[:, 0] > 0, np.exp(entropy), 0.0)
