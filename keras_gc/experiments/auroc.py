"""How well scores tell positive examples from the others."""

import numpy as np


def auroc(scores: np.ndarray, is_positive: np.ndarray) -> float | None:
    """Return the area under the curve of hits over false alarms.

    Args:
        scores: array, one for each example.
        is_positive: array of bools.

    Returns:
        The chance that a positive example has the higher score of two: 0.5
        for scores that tell nothing; `None` if all examples are of one kind.
    """
    import scipy.stats

    num = int(is_positive.sum())
    if num in {0, len(scores)}:
        return None
    ranks = scipy.stats.rankdata(scores)[is_positive].sum()
    return float((ranks / num - (num + 1) / 2) / (len(scores) - num))
