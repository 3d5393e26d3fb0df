"""The largest singular values of maps that are known by their products."""

from collections.abc import Callable

import numpy as np

# The residual of the eigenvalue, relative to it, at which the iteration
# stops. The error of the eigenvalue is of the order of its square.
_TOLERANCE = 1e-3
_MAX_STEPS = 200


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
    basis = images = np.empty((num_maps, 0, size))
    for _ in range(min(size, _MAX_STEPS)):
        for _ in range(2):  # the second pass removes what rounding left
            vector = _unit(vector - vector @ _transpose(basis) @ basis)
        basis = np.append(basis, vector, axis=1)
        images = np.append(images, gram(vector[:, 0])[:, None], axis=1)
        # G within the span of the basis, and its largest eigenpair.
        small = images @ _transpose(basis)
        values, vectors = np.linalg.eigh((small + _transpose(small)) / 2)
        value, weights = values[:, -1], _transpose(vectors[:, :, -1:])
        error = weights @ images - value[:, None, None] * (weights @ basis)
        residual = np.linalg.norm(error[:, 0], axis=-1)
        if np.all(residual <= _TOLERANCE * value):
            break
        vector = images[:, -1:]
    return np.sqrt(np.maximum(value, 0))


def _transpose(matrices):
    return matrices.swapaxes(-2, -1)


def _unit(vectors):
    """Return each row at length 1; what is zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(
        vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0
    )
