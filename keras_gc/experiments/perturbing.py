"""Inputs made worse: by noise, and by the sign of the loss's gradient."""

import keras
import numpy as np
from keras import ops

from keras_gc import backend


def with_noise(x: np.ndarray, stddev: float, seed: int) -> np.ndarray:
    """Add Gaussian noise, and clip to the range of the inputs.

    Args:
        x: array, inputs in [0, 1].
        stddev: float, standard deviation of the noise, in input units.
        seed: int, seed of the noise.

    Returns:
        An array of the same shape.
    """
    noise = np.random.default_rng(seed).normal(0, stddev, x.shape)
    return np.clip(x + noise, 0, 1).astype(x.dtype)


def fast_gradient_sign(
    model: keras.Model, x: np.ndarray, y: np.ndarray, step_size: float
) -> np.ndarray:
    """Move each input by a step along the sign of its loss's gradient.

    Args:
        model: `keras.Model`, returns logits.
        x: array, inputs in [0, 1].
        y: array, integer labels.
        step_size: float, length of the step in each coordinate.

    Returns:
        An array of the same shape, clipped to [0, 1].

    Reference:
        Goodfellow, Shlens & Szegedy 2015, "Explaining and harnessing
        adversarial examples", section 4.
    """
    moved = []
    for start in range(0, len(x), 500):
        batch = x[start : start + 500]
        logits, _, pullback = backend.vjp(
            lambda inputs: (model(inputs, training=False), None),
            ops.convert_to_tensor(batch),
        )
        # Gradient of the cross-entropy in the logits.
        labels = ops.one_hot(y[start : start + 500], logits.shape[-1])
        gradient = pullback(
            ops.softmax(logits) - ops.cast(labels, logits.dtype)
        )
        sign = np.sign(ops.convert_to_numpy(gradient))
        moved.append(np.clip(batch + step_size * sign, 0, 1))
    return np.concatenate(moved).astype(x.dtype)
