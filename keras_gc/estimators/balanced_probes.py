"""Probes that are balanced over the batch: less noise for the same product.

The gradient of a penalty is a sum over the examples. The noise of two examples'
probes cancels in it if their Jacobians are alike and their probes orthogonal.
So the examples are sorted by the predicted class, and each run of K of them
gets the K vectors of an orthogonal basis, in random order. The probe of a
single example has the same law as if it were drawn alone, so the estimate stays
unbiased.
"""

from typing import Any

import keras
from keras import ops

from keras_gc.estimators.seed_stream import seed_stream

# Share of the probability that is spread evenly, so that outputs whose
# gradients have been small so far are still drawn.
_FLOOR = 0.1
# An eigendecomposition of more outputs costs more than it saves.
_MOST_AXES = 64
# The golden ratio: its multiples fill [0, 1) evenly, however many they are.
_GOLDEN = 0.6180339887498949


def balanced(like: Any, num_probes: int, seed: Any) -> Any:
    """Return single outputs, `sqrt(K) e_i`, each i equally often.

    Args:
        like: `(batch, K)`, the outputs.
        num_probes: int, vectors of each example.
        seed: int, `keras.random.SeedGenerator` or None.

    Returns:
        `(num_probes, batch, K)`, float32.
    """
    batch, num_outputs = ops.shape(like)
    dealt, _ = deal(num_probes * batch, num_outputs, seed)
    drawn = _to_examples(dealt, like, num_probes)
    scale = ops.sqrt(ops.cast(num_outputs, "float32"))
    return scale * ops.one_hot(drawn, num_outputs, dtype="float32")


def principal(like: Any, num_probes: int, seed: Any) -> Any:
    """Return principal axes of the batch's outputs, `u_i / sqrt(p_i)`.

    The axes `u_i` are the eigenvectors of the outputs' covariance, along which
    the Gram matrices `J J^T` are more nearly diagonal than along the outputs
    themselves. Each is drawn with a probability `p_i` in proportion to the
    standard deviation along it; a tenth is spread evenly. For more than 64
    outputs this is `balanced`.

    Args:
        like: `(batch, K)`, the outputs.
        num_probes: int, vectors of each example.
        seed: int, `keras.random.SeedGenerator` or None.

    Returns:
        `(num_probes, batch, K)`, float32.
    """
    num_outputs = ops.shape(like)[1]
    if not isinstance(num_outputs, int) or num_outputs > _MOST_AXES:
        return balanced(like, num_probes, seed)
    axes, deviations = principal_axes(like)
    probabilities = with_floor(deviations)
    drawn = draw_indices(probabilities, like, num_probes, seed)
    return ops.take(axes / ops.sqrt(probabilities)[:, None], drawn, axis=0)


def draw_indices(
    probabilities: Any, like: Any, num_draws: int, seed: Any
) -> Any:
    """Draw indices that are balanced over examples with similar outputs.

    Args:
        probabilities: tensor `(K,)`, whose sum is 1.
        like: tensor `(batch, K)`, the outputs.
        num_draws: int, draws for each example.
        seed: int, `keras.random.SeedGenerator` or None.

    Returns:
        int tensor `(num_draws, batch)`. Each entry is i with probability
        `probabilities[i]`; a run of K draws takes its quantiles from K equal
        parts of the distribution.
    """
    batch, num_outputs = ops.shape(like)
    dealt, offsets = deal(num_draws * batch, num_outputs, seed)
    quantiles = (ops.cast(dealt, "float32") + offsets) / num_outputs
    ends = ops.cumsum(probabilities)[:-1]
    drawn = ops.sum(ops.cast(quantiles[:, None] >= ends[None], "int32"), axis=1)
    return _to_examples(drawn, like, num_draws)


def with_floor(sizes: Any) -> Any:
    """Return probabilities in proportion to `sizes`, but never near 0.

    Args:
        sizes: tensor `(K,)`, none negative.

    Returns:
        Tensor `(K,)`; K equal probabilities where all sizes are 0.
    """
    even = ops.ones_like(sizes) / ops.cast(ops.shape(sizes)[0], sizes.dtype)
    total = ops.sum(sizes)
    share = ops.where(total > 0, sizes / ops.where(total > 0, total, 1.0), even)
    return (1 - _FLOOR) * share + _FLOOR * even


def deal(count: Any, size: Any, seed: Any) -> tuple[Any, Any]:
    """Deal ints below `size`: each run of `size` of them has each int once.

    Args:
        count: int, how many; the last run may be cut short.
        size: int, the length of a run.
        seed: int, `keras.random.SeedGenerator` or None.

    Returns:
        `(dealt, offsets)`, each `(count,)`: the ints, each run in a random
        order of its own; and numbers in [0, 1), one for each run, spread
        evenly and all moved by the same random number.
    """
    seeds = seed_stream(seed)
    runs = (count + size - 1) // size
    keys = keras.random.uniform((runs, size), dtype="float32", seed=next(seeds))
    offset = keras.random.uniform((), dtype="float32", seed=next(seeds))
    dealt = ops.reshape(ops.argsort(keys, axis=1), (-1,))[:count]
    run = ops.cast(ops.arange(count) // size, "float32")
    return dealt, ops.mod(offset + _GOLDEN * run, 1.0)


def _to_examples(drawn, like, num_draws):
    """Hand out draws, in the order of the outputs: `(num_draws, batch)`."""
    predicted = ops.argmax(like, axis=1)
    place = ops.argsort(ops.argsort(predicted))  # of each example in the order
    drawn = ops.reshape(drawn, (-1, num_draws))
    return ops.transpose(ops.take(drawn, place, axis=0))


def principal_axes(outputs: Any) -> tuple[Any, Any]:
    """Return the eigenvectors of the outputs' covariance.

    Args:
        outputs: tensor `(batch, K)`.

    Returns:
        The axes as rows, `(K, K)`, and the standard deviation along each, up
        to one factor, `(K,)`.
    """
    outputs = ops.cast(ops.stop_gradient(outputs), "float32")
    centred = outputs - ops.mean(outputs, axis=0, keepdims=True)
    largest = ops.max(ops.abs(centred))
    centred = centred / ops.where(largest > 0, largest, 1.0)
    covariance = ops.matmul(ops.transpose(centred), centred)
    # NaN is for the loss to show; an eigendecomposition of it would raise.
    covariance = ops.where(ops.isfinite(covariance), covariance, 0.0)
    variances, axes = ops.eigh(covariance)
    return ops.transpose(axes), ops.sqrt(ops.maximum(variances, 0.0))
