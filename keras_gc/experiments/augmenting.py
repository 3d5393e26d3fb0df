"""Images moved by a few pixels, the plainest augmentation there is."""

import numpy as np


def shifted(x: np.ndarray, pixels: int, rng: np.random.Generator) -> np.ndarray:
    """Move each image by its own random whole number of pixels.

    Args:
        x: array of shape `(images, height, width, channels)`.
        pixels: int, the largest shift in each direction; 0 changes nothing.
        rng: `numpy.random.Generator`, draws the shifts.

    Returns:
        An array of the same shape; what moves in is 0.
    """
    if not pixels:
        return x
    padded = np.pad(x, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)))
    height, width = x.shape[1:3]
    starts = rng.integers(2 * pixels + 1, size=(len(x), 2))
    return np.stack([
        image[top : top + height, left : left + width]
        for image, (top, left) in zip(padded, starts, strict=True)
    ])
