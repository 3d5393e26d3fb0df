"""Spearman's rank correlation, with a p-value that few runs can bear.

The p-value is SciPy's, from a permutation test: twice the share of reshuffled
runs whose rank correlation lies at least as far out on the side that is rarer.
Up to seven runs every reshuffling counts; beyond, 9,999 random ones do, so no
p-value can be below 2 / 10,000. (The usual t approximation is meant for
hundreds of runs; it calls three runs in a row certain.)
"""

import math
from collections.abc import Sequence

NUM_RESHUFFLINGS = 9_999
FLOOR = 2 / (NUM_RESHUFFLINGS + 1)


def spearman(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return Spearman's rank correlation and its permutation p-value.

    Args:
        x: list of floats, one value for each run.
        y: list of floats, one value for each run.

    Returns:
        `(rho, p_value)`; `(nan, 1.0)` where `x` or `y` does not vary.
    """
    import numpy as np
    import scipy.stats

    if len(set(x)) < 2 or len(set(y)) < 2:
        return math.nan, 1.0
    x, y = scipy.stats.zscore(
        [scipy.stats.rankdata(x), scipy.stats.rankdata(y)], axis=-1
    )
    test = scipy.stats.permutation_test(
        (x,),
        lambda x, axis=-1: np.mean(x * y, axis=axis),
        permutation_type="pairings",
        n_resamples=NUM_RESHUFFLINGS,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(test.statistic), float(test.pvalue)


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Spearman's rank correlation alone, at once.

    Args:
        x: list of floats, one value for each run.
        y: list of floats, one value for each run.

    Returns:
        A float from -1 to 1; 0 where `x` or `y` does not vary.
    """
    import scipy.stats

    if len(set(x)) < 2 or len(set(y)) < 2:
        return 0.0
    return float(scipy.stats.spearmanr(x, y).statistic)


def p_phrase(p_value: float, digits: int = 1) -> str:
    """Return a p-value in words that promise no more than the test can tell.

    Args:
        p_value: float, as `spearman` returns it.
        digits: int, significant digits. Defaults to 1.

    Returns:
        Such as "p = 0.03"; at the floor of the test "p <= 0.0002".
    """
    if p_value <= FLOOR * (1 + 1e-9):
        return f"p <= {FLOOR:g}"
    return f"p = {p_value:.{digits}g}"
