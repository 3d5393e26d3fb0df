"""Examples of a batch: their weights, and a random part of them."""

import math
from typing import Any

import keras
from keras import ops


def example_weights(sample_weight: Any) -> Any:
    """Return one weight for each example, or None.

    Args:
        sample_weight: None, or what `fit` takes: `(batch,)`, one for each
            position `(batch, ...)`, or a structure for several outputs.
            Positions and outputs are averaged.

    Returns:
        `(batch,)` or None.
    """
    leaves = [
        leaf for leaf in keras.tree.flatten(sample_weight) if leaf is not None
    ]
    if not leaves:
        return None
    means = [
        ops.mean(
            ops.cast(leaf, "float32"), axis=tuple(range(1, len(leaf.shape)))
        )
        if len(leaf.shape) > 1
        else ops.cast(leaf, "float32")
        for leaf in leaves
    ]
    return sum(means) / len(means)


def random_rows(fraction: float, structure: Any, seed: Any) -> Any:
    """Return a random part of the rows of a structure, all rows for 1.

    Args:
        fraction: float in (0, 1], rounded up to whole rows.
        structure: tensors `(batch, ...)` or None.
        seed: `keras.random.SeedGenerator`.

    Returns:
        The same structure with fewer rows.
    """
    if fraction == 1:
        return structure
    leaves = [
        leaf for leaf in keras.tree.flatten(structure) if leaf is not None
    ]
    batch = ops.shape(leaves[0])[0]
    if isinstance(batch, int):
        count = math.ceil(fraction * batch)
    else:
        count = ops.cast(
            ops.ceil(fraction * ops.cast(batch, "float32")), "int32"
        )
    rows = keras.random.shuffle(ops.arange(batch), seed=seed)[:count]
    return keras.tree.map_structure(
        lambda leaf: None if leaf is None else ops.take(leaf, rows, axis=0),
        structure,
    )
