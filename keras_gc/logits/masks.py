"""Keras's masks: which positions of a tensor are data and which are padding.

A mask is an attribute of its tensor, which `jax.vjp` drops. Keras reads and
sets masks only in `Layer.__call__`, so layers do it here.
"""

from typing import Any

import keras
from keras import ops


def mask_of(tensor: Any) -> Any:
    """Return the mask of a tensor, or None."""
    return ReadMask()(tensor)


def without_padding(tensor: Any, mask: Any) -> Any:
    """Return a tensor that is 0, and constant, at masked positions.

    Args:
        tensor: tensor `(batch, ...)`.
        mask: bool tensor, the leading axes of the tensor, or None.

    Returns:
        Tensor of the same shape and dtype.
    """
    if mask is None or len(mask.shape) > len(tensor.shape):
        return tensor
    missing = len(tensor.shape) - len(mask.shape)
    mask = ops.reshape(mask, (*ops.shape(mask), *(1,) * missing))
    return ops.where(mask, tensor, ops.zeros_like(tensor))


class ReadMask(keras.layers.Layer):
    """Returns its input's mask."""

    def __init__(self):
        super().__init__(autocast=False, name="read_mask")
        self.supports_masking = True

    def call(self, x: Any, mask: Any = None) -> Any:
        """Return the mask that Keras passes along."""
        return mask

    def compute_mask(self, x: Any, previous_mask: Any) -> None:
        """Return None: a mask has no mask."""
        return None
