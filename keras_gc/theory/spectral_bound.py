"""An upper bound of GC at every input, from the norms of the layers."""

import dataclasses
import functools
import math

import keras
from keras import ops

from keras_gc import keras_seam
from keras_gc.logits import LogitNetwork, check_built, input_dtype
from keras_gc.theory.affine_layer import (
    REARRANGING,
    affine_norm,
    is_affine,
)
from keras_gc.theory.lipschitz_constant import (
    MERGING,
    is_linear,
    merged,
    nonlinear_constant,
    refuse,
)


def spectral_bound(model: keras.Model) -> float:
    """Return an upper bound of GC, computed from the norms of the layers.

    For a chain of layers `f = f_n o ... o f_1`,

        ||J(x)||_F^2 <= min(K, d) prod_i Lip(f_i)^2

    at every x, since `||J||_F^2 <= rank(J) ||J||_2^2` and norms of products
    are at most products of norms. The Lipschitz constant of a Dense layer or
    a convolution is the largest singular value of its matrix, times that of
    its activation (1 for ReLU). Where branches meet, their constants are

    - added by Add and Subtract (`1 + Lip(g)` for a residual block x + g(x)),
    - averaged by Average,
    - added as squares by Concatenate, Maximum and Minimum.

    Each affine layer counts with the operator norm of its map, with padding,
    strides, dilation and groups. Affine layers that follow each other (a
    convolution and its BatchNormalization in inference mode) count as one map.

    The bound holds for the value that is returned: operator norms are upper
    bounds, about 1e-3 or less above the true ones (0.3% at most for large
    convolutions), which fail with a probability of 1e-9; see
    `keras_gc.theory.lanczos`. All other factors are exact or rounded up.

    Cost: for each affine map up to 200 products with its matrix and with its
    transpose.

    Units: (logit / input unit)^2, those of GC.

    Args:
        model: a built `Sequential` or functional model of Dense, EinsumDense,
            convolutions, normalisation with fixed statistics, pooling,
            padding, activations, layers that only rearrange and the merges
            above. A layer may be called several times. A softmax or sigmoid
            at the end is stepped over.

    Returns:
        A float.

    Raises:
        TypeError: if `model` is not a `keras.Model`.
        ValueError: if the model is not built or its graph is not known, a
            layer or activation has no known Lipschitz constant, or the size
            of the inputs is not fixed.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> model = keras.Sequential([
    ...     keras.Input((2,)),
    ...     keras.layers.Dense(2, "relu"),
    ...     keras.layers.Dense(1),
    ... ])
    >>> model.layers[0].set_weights([np.diag([3.0, 4.0]), np.zeros(2)])
    >>> model.layers[1].set_weights([np.ones((2, 1)), np.zeros(1)])
    >>> keras_gc.theory.spectral_bound(model)  # 1 * 16 * 2
    32.0

    Reference: Dherin et al. 2022 (arXiv 2209.13083), section 4; Yoshida &
    Miyato 2017 (arXiv 1705.10941).
    """
    network = LogitNetwork(model)
    check_built(model)
    _check_graph(model)
    inputs = [tensor.shape[1:] for tensor in model.inputs]
    outputs = [tensor.shape[1:] for tensor in model.outputs]
    example = [
        ops.zeros((1, *shape), dtype=input_dtype(model)) for shape in inputs
    ]
    if len(example) == 1:
        (example,) = example
    heads = [head for head in network.find_heads(example) if head is not None]
    bounds = _propagate(model, [_Bound(shape, 1.0) for shape in inputs], heads)
    rank = min(sum(map(math.prod, inputs)), sum(map(math.prod, outputs)))
    return float(rank * sum(bound.constant**2 for bound in bounds))


@dataclasses.dataclass(frozen=True)
class _Bound:
    """The Lipschitz constant of a tensor, as a function of the inputs.

    Args:
        shape: tuple, shape of the tensor, without the batch.
        start: float, constant of the tensor that `run` begins at.
        start_shape: tuple, the shape of that tensor. Defaults to ().
        run: tuple of the affine layers from there to this tensor. Defaults to
            ().
    """

    shape: tuple
    start: float
    start_shape: tuple = ()
    run: tuple = ()

    @functools.cached_property
    def constant(self):
        if all(isinstance(layer, REARRANGING) for layer in self.run):
            return self.start
        return self.start * affine_norm(self.run, self.start_shape)

    def followed_by(self, layer, shape):
        """Return the bound after an affine layer."""
        if not self.run:
            return _Bound(shape, self.start, self.shape, (layer,))
        return dataclasses.replace(self, shape=shape, run=(*self.run, layer))


def _propagate(model, inputs, heads):
    """Return the bounds of a model's outputs, given those of its inputs."""
    known = {
        id(tensor): bound
        for tensor, bound in zip(model.inputs, inputs, strict=True)
    }
    pending = list(model.outputs)
    while pending:  # a stack: networks may be deeper than Python can recurse
        if id(pending[-1]) in known:
            pending.pop()
            continue
        call = keras_seam.producer(pending[-1])
        missing = [tensor for tensor in call.inputs if id(tensor) not in known]
        if missing:
            pending.extend(missing)
            continue
        tensor = pending.pop()
        before = [known[id(argument)] for argument in call.inputs]
        if isinstance(call.operation, keras.Model):
            _check_graph(call.operation)
            after = _propagate(call.operation, before, heads)
            known[id(tensor)] = after[call.tensor_index]
        else:
            shape = tensor.shape[1:]
            known[id(tensor)] = _after(call.operation, before, shape, heads)
    return [known[id(tensor)] for tensor in model.outputs]


def _after(operation, before, shape, heads):
    """Return the bound of a layer's output, given those of its inputs."""
    if type(operation).__name__ in MERGING and keras_seam.is_keras_code(
        operation
    ):
        constant = merged(
            operation,
            [bound.constant for bound in before],
            [bound.shape for bound in before],
            shape,
        )
        return _Bound(shape, constant)
    if len(before) != 1:
        raise ValueError(
            "Where branches meet, the bound knows Add, Subtract, Average, "
            f"Concatenate, Maximum and Minimum. Received: '{operation.name}' "
            f"(of type {type(operation).__name__}) with {len(before)} inputs"
        )
    if not keras_seam.is_keras_code(operation) or (
        keras_seam.quantization_mode(operation) is not None
    ):
        refuse(operation)
    (bound,) = before
    is_head = any(operation is head for head in heads)
    factor = 1.0 if is_head else nonlinear_constant(operation)
    if is_affine(operation):
        bound = bound.followed_by(operation, shape)
        if is_head or is_linear(operation):
            return bound
    return _Bound(shape, bound.constant * factor)


def _check_graph(model):
    if not getattr(model, "outputs", None):
        raise ValueError(
            "`model` must be a `Sequential` or functional model, whose layers "
            f"and their order are known. Received: '{model.name}' (of type "
            f"{type(model).__name__})"
        )
    for tensor in model.inputs:
        if None in tensor.shape[1:]:
            raise ValueError(
                "The norm of a layer depends on the size of its inputs, and "
                "the model must fix it. Received: an input of shape "
                f"{tensor.shape}. Give `keras.Input` the size."
            )
