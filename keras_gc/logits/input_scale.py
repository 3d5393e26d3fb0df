"""The units in which the inputs are counted."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import _validation
from keras_gc.logits.evaluation_point import (
    cast_like_keras,
    differentiable_leaves,
    leaf_names,
)


class InputScale:
    """Lets a Jacobian be taken with respect to inputs in units of one's own.

    With u = x / s, the derivative with respect to column j of u is that with
    respect to column j of x, times s_j. So f is looked at as a function of
    the move from x, in units of s:

        g(u) = f(x + s u)   at u = 0,   where g(0) = f(x) to the last bit.

    Args:
        scale: number or array that broadcasts against the shape of one
            example, or a list or dict of them, one for each input.
        argument: str, what the user calls it.

    Raises:
        TypeError: if it holds anything but numbers.
        ValueError: if numbers are not finite or negative, or all are 0.
    """

    def __init__(self, scale: Any, argument: str = "input_scale"):
        self.argument = argument
        self.scale = _as_plain(scale)
        self._arrays = self._as_arrays(self.scale)
        numbers = np.concatenate([
            np.ravel(array) for array in keras.tree.flatten(self._arrays)
        ])
        if not np.all(np.isfinite(numbers)) or np.any(numbers < 0):
            raise self._error("hold finite numbers >= 0")
        if not np.any(numbers):
            raise self._error("hold a number > 0: with 0 alone, GC is 0")

    def of_move(self, fn: Callable, point: Any, names: list) -> Callable:
        """Return g.

        Args:
            fn: f, a function of x.
            point: x, tensor or structure of tensors.
            names: list of what its parts are called, or None.

        Returns:
            A function of a structure like x.

        Raises:
            ValueError: if the scale does not fit the shapes or names.
        """
        leaves = keras.tree.flatten(point)
        pairs = zip(self._by_leaf(leaves, names), leaves, strict=True)
        scales = keras.tree.pack_sequence_as(
            point, [self._fitted(scale, leaf) for scale, leaf in pairs]
        )
        return lambda move: fn(
            keras.tree.map_structure(
                lambda leaf, scale, step: leaf + scale * step,
                point,
                scales,
                move,
            )
        )

    def _by_leaf(self, leaves, names):
        """Return an array for each part of the inputs."""
        arrays = self._arrays
        if isinstance(arrays, dict):
            if set(arrays) != set(names):
                wanted = ", ".join(repr(name) for name in names)
                raise self._error(f"name each of the inputs, {wanted}")
            return [arrays[name] for name in names]
        if isinstance(arrays, np.ndarray) and (
            len(leaves) == 1 or not arrays.ndim
        ):
            return [arrays] * len(leaves)
        if len(arrays) != len(leaves):
            raise self._error(
                f"hold {len(leaves)} numbers or arrays, one for each input"
            )
        return list(arrays)

    def _fitted(self, scale, leaf):
        """Return the scale of one input, as a tensor."""
        shape = tuple(leaf.shape[1:])
        sizes = zip(scale.shape[::-1], shape[::-1], strict=False)
        fits = len(scale.shape) <= len(shape) and all(
            own in (1, size) or size is None for own, size in sizes
        )
        if not fits:
            raise self._error(
                f"broadcast against one example, of shape {shape}, and has "
                f"shape {scale.shape}"
            )
        return ops.convert_to_tensor(scale, leaf.dtype)

    def _as_arrays(self, scale):
        if isinstance(scale, dict) and scale:
            return {name: self._array(part) for name, part in scale.items()}
        try:
            return self._array(scale)
        except TypeError:
            if not isinstance(scale, list) or not scale:
                raise
            return [self._array(part) for part in scale]  # of several shapes

    def _array(self, part):
        try:
            array = np.asarray(part)
        except ValueError:
            array = np.empty(0, "object")
        if array.dtype.kind not in "iuf" or not array.size:
            raise TypeError(self._sentence("hold numbers"))
        return array.astype("float64")

    def _error(self, must):
        return ValueError(self._sentence(must))

    def _sentence(self, must):
        return (
            f"`{self.argument}` must {must}. Received: {self.argument}="
            f"{_validation.shown(self.scale)}"
        )


def in_units(
    scale: InputScale | None,
    network: Any,
    fn: Callable,
    x: Any,
    training: bool = False,
) -> tuple:
    """Return a function and the point where its Jacobian is taken.

    Args:
        scale: `InputScale`; None for inputs as they come.
        network: `LogitNetwork`.
        fn: function of `network.point(x)`.
        x: the model's input.
        training: bool, whether layers run in training mode. Defaults to
            False.

    Returns:
        `(fn, point)`, for an estimator.
    """
    point = network.point(x, training)
    if scale is None:
        return fn, point
    fn = scale.of_move(fn, point, _names(network, x))
    return fn, keras.tree.map_structure(ops.zeros_like, point)


def _names(network, x):
    """Return what the parts of the point are called, None where unknown."""
    model = network.model
    if network.inputs is None:
        x = cast_like_keras(model, x)
        names = leaf_names(model, x)
        return [names[i] for i in differentiable_leaves(model, x)]
    own = [tensor.name for tensor in getattr(model, "inputs", None) or ()]
    return sorted(network.inputs, key=lambda name: name not in own)


def _as_plain(scale):
    """Return numbers, lists and dicts, which a file of JSON can hold."""
    if isinstance(scale, dict):
        return {name: _as_plain(part) for name, part in scale.items()}
    if isinstance(scale, list | tuple):
        return [_as_plain(part) for part in scale]
    if keras.ops.is_tensor(scale):
        scale = ops.convert_to_numpy(scale)
    is_array = hasattr(scale, "shape") or hasattr(scale, "__array__")
    if not is_array or isinstance(scale, keras.KerasTensor):
        return scale
    return np.asarray(scale).tolist()
