"""Keras's masks of tensors, which JAX's transformations lose.

A mask hangs on its tensor, out of reach of `jax.vjp`. Keras gives and takes
masks in `Layer.__call__` alone, so layers do it here.
"""

import keras

from keras_gc import backend


def masks_of(tensors):
    """Return the masks of tensors.

    Args:
        tensors: a structure of tensors.

    Returns:
        List with a mask, or None, for each; empty where the backend keeps
        them by itself.
    """
    if backend.KEEPS_MASKS:
        return []
    return [ReadMask()(leaf) for leaf in keras.tree.flatten(tensors)]


def with_masks(tensors, masks):
    """Hang masks on tensors.

    Args:
        tensors: a structure of tensors.
        masks: as `masks_of` returns them.

    Returns:
        The structure, with the masks.
    """
    if not any(mask is not None for mask in masks):
        return tensors
    leaves = keras.tree.flatten(tensors)
    return keras.tree.pack_sequence_as(
        tensors,
        [
            leaf if mask is None else SetMask(mask)(leaf)
            for leaf, mask in zip(leaves, masks, strict=True)
        ],
    )


class ReadMask(keras.layers.Layer):
    """Returns its input's mask."""

    def __init__(self):
        super().__init__(autocast=False)
        self.supports_masking = True

    def call(self, x, mask=None):
        """Return the mask that Keras passes along."""
        return mask

    def compute_mask(self, x, previous_mask):
        """Return None: a mask has no mask."""
        return None


class SetMask(keras.layers.Layer):
    """Returns its input with a mask.

    Args:
        mask: the mask.
    """

    def __init__(self, mask):
        super().__init__(autocast=False)
        self._mask = mask
        self.supports_masking = True

    def call(self, x):
        """Return the input."""
        return x

    def compute_mask(self, x, previous_mask):
        """Return the mask."""
        return self._mask
