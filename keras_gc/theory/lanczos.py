"""The largest singular values of maps that are known by their products."""

import math
from collections.abc import Callable

import numpy as np

# The iteration stops when the bounds of every eigenvalue of A^T A are this
# close, relative to it. Those of the singular values are half as far apart.
_TOLERANCE = 2e-3
_MAX_STEPS = 200
# The small eigenproblem costs more than a Lanczos step, so convergence is
# checked at steps spaced by this factor.
_CHECK_GROWTH = 1.2
# Probability that the start vector is so nearly orthogonal to the singular
# vector that an upper bound is too small.
_FAILURE = 1e-9
# What float32 sums may lose without being noticed, relative to the eigenvalue.
ROUNDING = 1e-6


def largest_singular_values(
    gram: Callable[[np.ndarray], np.ndarray], shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Bound the norms of many linear maps A at once, from both sides.

    With G = A^T A, power iteration keeps the last of the vectors v, Gv, GGv,
    ... Lanczos, here with full reorthogonalisation, takes the best vector in
    the span of all of them, and so needs far fewer products. Like the value of
    power iteration, what it finds is a lower bound.

    **Upper bound.** Lanczos turns the start vector v into p(G) v, a vector of
    length 1, with a polynomial p that increases beyond the values found. So
    |c| p(lambda) <= 1 for the largest eigenvalue lambda and the component c
    of v along its eigenvector. The direction of v is uniform, and |c| is at
    least `1e-9 / sqrt(2 size / pi)` except with a probability of 1e-9; this
    bounds p(lambda), hence lambda, whatever the spectrum. The effect of
    rounding is estimated from products that would be 0 in exact arithmetic, and
    added.

    The iteration stops when all pairs of bounds agree to 1e-3, after `size`
    steps, when the value is exact, or after 200 steps. In the last case the
    bounds are further apart (0.3% for spectra that are dense at their end), but
    just as valid.

    Args:
        gram: function from an array of vectors, a row for each map, to the
            products G v, of the same shape `(maps, size)`.
        shape: `(maps, size)`.

    Returns:
        `(lower, upper)`, arrays of shape `(maps,)`.

    Reference: Golub & Van Loan, "Matrix Computations", chapter 10; Hochstenbach
    2013, "Probabilistic upper bounds for the matrix two-norm" (the upper
    bound).
    """
    num_maps, size = shape
    num_steps = min(size, _MAX_STEPS)
    basis = np.empty((num_maps, num_steps, size))
    # Random numbers, but always the same.
    start = np.random.default_rng(0).standard_normal((num_maps, size))
    basis[:, 0] = _unit(start)
    # G within the span of the basis is tridiagonal.
    diagonal = np.empty((num_maps, num_steps))
    off_diagonal = np.zeros((num_maps, num_steps + 1))
    squared_noise = np.zeros(num_maps)
    next_check = 1
    for step in range(1, num_steps + 1):
        known = basis[:, :step]
        image = gram(known[:, -1])
        inner = _products(known, image)
        image = image - (inner[:, None] @ known)[:, 0]
        diagonal[:, step - 1] = inner[:, -1]
        noise = inner[:, :-1]
        noise[:, -1:] -= off_diagonal[:, step - 1 : step]
        squared_noise += np.sum(noise**2, axis=1)
        # A second pass removes what rounding has left.
        image = image - (_products(known, image)[:, None] @ known)[:, 0]
        off_diagonal[:, step] = np.linalg.norm(image, axis=1)
        if step in (next_check, num_steps):
            next_check = math.ceil(step * _CHECK_GROWTH)
            lower, upper = _eigenvalue_bounds(
                diagonal[:, :step], off_diagonal[:, 1 : step + 1], size
            )
            if np.all(upper <= lower * (1 + _TOLERANCE)):
                break
        if step < num_steps:
            basis[:, step] = _unit(image)
    upper = upper * (1 + ROUNDING) + np.sqrt(squared_noise)
    return np.sqrt(np.maximum(lower, 0)), np.sqrt(np.maximum(upper, 0))


def _eigenvalue_bounds(diagonal, off_diagonal, size):
    """Bound the largest eigenvalue of G by what Lanczos has found.

    Args:
        diagonal: array `(maps, steps)`, the diagonals of tridiagonal
            matrices.
        off_diagonal: array `(maps, steps)`, the entries next to them, and
            last the length of the remainder.
        size: int, the number of rows of G.

    Returns:
        `(lower, upper)`, arrays `(maps,)`.
    """
    steps = diagonal.shape[1]
    index = np.arange(steps)
    matrices = np.zeros((*diagonal.shape, steps))
    matrices[:, index, index] = diagonal
    # `eigvalsh` reads the lower triangle.
    matrices[:, index[1:], index[:-1]] = off_diagonal[:, :-1]
    values = np.linalg.eigvalsh(matrices)
    lower = values[:, -1]
    if steps == size:  # no direction is left out
        return lower, lower
    # log p(x) = sum_i log (x - value_i) - sum_i log off_diagonal_i.
    with np.errstate(divide="ignore"):
        log_norm = np.sum(np.log(off_diagonal), axis=1)
    log_limit = log_norm + math.log(math.sqrt(2 * size / math.pi) / _FAILURE)
    below, upper = lower, lower + np.exp(log_limit / steps)
    for _ in range(50):
        middle = (below + upper) / 2
        with np.errstate(divide="ignore"):
            gaps = np.maximum(middle[:, None] - values, 0)
            log_product = np.sum(np.log(gaps), axis=1)
        too_low = log_product < log_limit
        below = np.where(too_low, middle, below)
        upper = np.where(too_low, upper, middle)
    return lower, upper


def _products(basis, vectors):
    """Return the inner products with each vector of the basis."""
    return (basis @ vectors[:, :, None])[:, :, 0]


def _unit(vectors):
    """Return each row scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(
        vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0
    )
