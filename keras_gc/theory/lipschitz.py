"""A lower bound of the Lipschitz constant: the largest gain over the data."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_gc.theory.logit_jacobian import logit_jacobian
from keras_gc.theory.model_batches import model_batches


def lipschitz_lower_bound(
    model: keras.Model,
    x: Any,
    *,
    inputs: str | Sequence[str] | None = None,
    outputs: str | None = None,
    batch_size: int = 32,
) -> float:
    """Largest norm of the logits' Jacobian over the data.

        max_x ||J(x)||_2 <= Lip(f),   J = df/dx,

    with f the logits (a softmax or sigmoid at the end is stepped over) and
    the norm the largest singular value, so that both sides are in
    logit / input unit. Its square is at least GC / min(K, d) and at most the
    largest squared Frobenius norm of an example. The model runs in inference
    mode and is not changed.

    For up to 16 logits the norm is exact, from K products with J^T. For more it
    comes from repeated products with J and J^T, as in power iteration, of
    which Lanczos takes the best vector in the span of all iterates. That value
    never exceeds the norm.

    Args:
        model: `keras.Model`, built.
        x: the data, as for `keras_gc.geometric_complexity`.
        inputs: str or list of str, names of layers at whose outputs the
            Jacobian is taken, or of some of the model's several inputs.
            Defaults to all real inputs.
        outputs: str, name of a layer whose output is taken for f. Defaults to
            the logits.
        batch_size: int, examples at a time, for arrays. Defaults to 32.

    Returns:
        A float >= 0.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> layer = keras.layers.Dense(2, use_bias=False)
    >>> model = keras.Sequential([keras.Input((2,)), layer])
    >>> model.set_weights([np.diag([3.0, 4.0])])
    >>> keras_gc.theory.lipschitz_lower_bound(model, np.ones((1, 2)))
    4.0

    Reference: Khromov & Singh 2023, "Some fundamental aspects about Lipschitz
    continuity of neural networks" (arXiv 2302.10886), section 2.
    """
    jacobian = logit_jacobian(model, inputs, outputs)
    batches = model_batches(model, x, batch_size)
    return max(float(jacobian.norm_bounds(batch)[0].max()) for batch in batches)
