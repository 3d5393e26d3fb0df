"""The largest singular values of maps that are known by their products."""

import math
from collections.abc import Callable

import numpy as np

# The residual of the eigenvalue, relative to it, at which the iteration
# stops. The error of the eigenvalue is of the order of its square.
_TOLERANCE = 1e-3
_MAX_STEPS = 200
# Eigenvalues cost more than a step: they are looked at so much later each time.
_CHECK_GROWTH = 1.1


def largest_singular_values(
    gram: Callable[[np.ndarray], np.ndarray], shape: tuple[int, int]
) -> np.ndarray:
    """Compute the norm of many linear maps A at once.

    Power iteration keeps the last of the vectors v, Gv, GGv, ... with
    G = A^T A. The best vector in the span of all of them is wanted here
    (Lanczos, with full reorthogonalisation): the same products, far fewer of
    them. Like the value of power iteration, this one never exceeds the norm
    and grows with each step; it stops when the eigenvector's residual is
    below 1e-3 of the eigenvalue for every map.

    Args:
        gram: Function from an array of vectors, a row for each map, to the
            products G v, of the same shape `(maps, size)`.
        shape: `(maps, size)`.

    Returns:
        Array of shape `(maps,)`.

    Reference:
        Golub & Van Loan, "Matrix Computations", chapter 10.
    """
    num_maps, size = shape
    # Random numbers, always the same: a regular start vector would be
    # orthogonal to the singular vector of some regular map.
    vector = np.random.default_rng(0).standard_normal((num_maps, 1, size))
    vector = basis = _unit(vector)
    # G within the span of the basis is tridiagonal.
    diagonal, beside = np.empty((2, num_maps, 0))
    next_check = 1
    num_steps = min(size, _MAX_STEPS)
    for step in range(1, num_steps + 1):
        image = gram(vector[:, 0])[:, None]
        diagonal = np.append(diagonal, np.sum(image * vector, axis=-1), axis=1)
        for _ in range(2):  # the second pass removes what rounding left
            image = image - image @ _transpose(basis) @ basis
        length = np.linalg.norm(image, axis=-1)
        if step in (next_check, num_steps):
            next_check = math.ceil(step * _CHECK_GROWTH)
            value, last_weight = _largest_eigenpair(diagonal, beside)
            residual = length[:, 0] * np.abs(last_weight)
            if np.all(residual <= _TOLERANCE * value):
                break
        beside = np.append(beside, length, axis=1)
        vector = _unit(image)
        basis = np.append(basis, vector, axis=1)
    return np.sqrt(np.maximum(value, 0))


def _largest_eigenpair(diagonal, beside):
    """Return the eigenvalue and the last entry of its eigenvector.

    Args:
        diagonal: Of tridiagonal matrices, `(maps, size)`.
        beside: What stands next to it, `(maps, size - 1)`.

    Returns:
        `(value, last_weight)`, arrays `(maps,)`.
    """
    index = np.arange(diagonal.shape[1])
    matrices = np.zeros((*diagonal.shape, len(index)))
    matrices[:, index, index] = diagonal
    # `eigh` reads the lower triangle.
    matrices[:, index[1:], index[:-1]] = beside
    values, vectors = np.linalg.eigh(matrices)
    return values[:, -1], vectors[:, -1, -1]


def _transpose(matrices):
    return matrices.swapaxes(-2, -1)


def _unit(vectors):
    """Return each row at length 1; what is zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(
        vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0
    )
