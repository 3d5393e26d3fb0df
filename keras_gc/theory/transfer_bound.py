"""The transfer theorem: GC is bounded by the Jacobian in the parameters."""

import dataclasses
import itertools
from typing import Any

import keras
import numpy as np

from keras_gc.meter import Meter
from keras_gc.theory.affine_layer import DENSE_AND_CONVOLUTIONS
from keras_gc.theory.model_batches import model_batches
from keras_gc.theory.parameter_jacobian import (
    ParameterMeter,
    layers_with_weights,
)
from keras_gc.theory.transfer_factor import (
    TransferFactor,
    divide,
    inputs_of_calls,
)


@dataclasses.dataclass(frozen=True)
class TransferBound:
    """Both sides of the transfer theorem, at each example.

    Attributes:
        factors: dict from a layer's name to its factor T_i, an array of shape
            `(examples,)`.
        jacobian_side: `||J||_F^2 sum_i T_i`, array of shape `(examples,)`.
        parameter_side: `||grad_theta f||_F^2`, array of shape `(examples,)`.
        skipped: dict from the name of each layer that has weights but no
            factor to a sentence that says why.
    """

    factors: dict[str, np.ndarray]
    jacobian_side: np.ndarray
    parameter_side: np.ndarray
    skipped: dict[str, str]

    @property
    def ratio(self) -> np.ndarray:
        """The smaller side over the larger: at most 1, up to rounding."""
        return divide(self.jacobian_side, self.parameter_side)


def transfer_bound(
    model: keras.Model, x: Any, *, batch_size: int = 32
) -> TransferBound:
    """Evaluate the transfer theorem on a model and data.

        ||J(x)||_F^2 sum_i T_i(x) <= ||grad_theta f(x)||_F^2,

    with f the logits, J = df/dx and theta the trainable weights. So whatever
    makes the right side small (the implicit gradient regularisation of SGD,
    flatness, label noise) makes geometric complexity small.

    **Layers.** Layer i is a Dense layer or a convolution: `z = A h + b`, with
    h its input and A the matrix of its linear map (for a convolution, with its
    padding and strides). Its activation is part of what follows. Each path
    from x to f runs through the layer. Then `J = (df/dz) A (dh/dx)` and, as
    `||P Q||_F <= ||P||_F ||Q||_2`,

        ||J||_F^2 <= ||df/dz||_F^2 ||A||_2^2 ||dh/dx||_2^2.

    With S_i the gain from z to the weights,

        S_i = ||grad_i f||_F^2 / ||df/dz||_F^2,
        T_i = S_i / (||A||_2^2 ||dh/dx||_2^2),

    it follows that `||J||_F^2 T_i <= ||grad_i f||_F^2`; the sum over layers
    is the theorem. Where a divisor is 0, so is J, and T_i is taken as 0.

    **Dense.** `grad_W f_k` is the outer product of h and `df_k/dz`, and
    `grad_b f_k = df_k/dz`. So `S_i = 1 + ||h||^2` (`||h||^2` without bias),
    which depends on the layers before it only: the theorem of the reference.
    This value is used, so for Dense layers both sides are computed
    independently.

    **Convolutions** use the same weights at each position p. With `h_p` the
    patch that position sees and the rows `(h_p, 1)` stacked in a matrix M,
    the gradient is a sum over positions, `M^T (df_k/dz)`, so S_i lies between
    the smallest and the largest eigenvalue of `M M^T`. The smallest is 0 if
    the patches are linearly dependent, as they are when there are more
    positions than entries in a patch. Then no positive factor that depends on h
    alone is valid. (If two patches are equal, a derivative df/dz of +1 at one
    and -1 at the other gives no gradient in the weights.) So S_i is computed
    from the true gradient of f in the layer's weights. The same is done for
    Dense layers that act on more than one position.

    The norms of A and dh/dx are upper bounds, about 1e-3 or less above the
    true ones (see `keras_gc.theory.lanczos`). So the theorem holds for the
    numbers that are returned, and equality, which a linear model with one
    output reaches, holds up to that difference. The model runs in inference
    mode and is not changed.

    Args:
        model: `keras.Model`, built. A softmax or sigmoid at its end is
            stepped over.
        x: the data, as for `keras_gc.geometric_complexity`.
        batch_size: int, examples at a time, for arrays. Defaults to 32.

    Returns:
        A `TransferBound`. Layers with weights for which there is no factor
        (batch normalisation, layers that a skip connection bypasses, layers
        that are called twice) are left out of the sum, which stays valid, and
        named in `skipped`. Frozen weights are not part of theta.

    Raises:
        TypeError: if `model` is not a `keras.Model`, or the inputs have no
            derivative.
        ValueError: if the model is not built, there are no data, or no layer
            has a factor.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> bound = keras_gc.theory.transfer_bound(model, np.ones((1, 3)))
    >>> bound.parameter_side  # 1 + ||x||^2
    array([4.])
    >>> bound.ratio  # equality: linear, one output
    array([1.])

    Reference: Dherin et al. 2022 (arXiv 2209.13083), theorem 5.1 (Dense
    layers).
    """
    owners = layers_with_weights(model)
    jacobian = Meter(model, "exact_reverse")
    batches = model_batches(model, x, batch_size)
    first = next(batches)
    factors, skipped = _find_factors(jacobian.network, owners, first)
    measured = [name for name in factors if factors[name].is_measured]
    groups = _groups(owners, measured)
    parameter = ParameterMeter(model, groups, "exact_reverse")
    jacobian_sides, parameter_sides, values = [], [], []
    for batch in itertools.chain([first], batches):
        gradients = parameter(batch)
        parameter_sides.append(gradients.sum(axis=0))
        by_name = dict(zip(measured, gradients, strict=False))
        values.append({
            name: factor(batch, by_name.get(name))
            for name, factor in factors.items()
        })
        jacobian_sides.append(jacobian(batch) * sum(values[-1].values()))
    return TransferBound(
        factors={
            name: np.concatenate([batch[name] for batch in values])
            for name in factors
        },
        jacobian_side=np.concatenate(jacobian_sides),
        parameter_side=np.concatenate(parameter_sides),
        skipped=skipped,
    )


def _find_factors(network, owners, x):
    """Return `(factors, skipped)` by the names of the layers."""
    one = keras.tree.map_structure(lambda leaf: leaf[:1], x)
    network.point(one)  # raises for inputs that have no derivative
    heads = network.find_heads(one)
    factors, skipped = {}, {}
    for name, (layer, _) in owners.items():
        if not isinstance(layer, DENSE_AND_CONVOLUTIONS):
            skipped[name] = (
                f"is neither Dense nor a convolution: {type(layer).__name__}"
            )
            continue
        calls = len(inputs_of_calls(network.model, layer, one))
        if calls != 1:
            skipped[name] = f"is called {calls} times in a forward pass"
            continue
        is_head = any(layer is head for head in heads)
        factor = TransferFactor(network, layer, is_head, one)
        if factor.carries_every_path(one):
            factors[name] = factor
        else:
            skipped[name] = "has a path beside it from the inputs to the logits"
    if not factors:
        raise ValueError(
            "The transfer theorem needs a Dense layer or a convolution that "
            "all paths from the inputs to the logits lead through. Received: "
            f"model '{network.model.name}', in which "
            + "; ".join(f"'{name}' {why}" for name, why in skipped.items())
        )
    return factors, skipped


def _groups(owners, measured):
    """Return the weights of each layer that is measured, then all others."""
    groups = [owners[name][1] for name in measured]
    others = [
        variable
        for name, (_, variables) in owners.items()
        if name not in measured
        for variable in variables
    ]
    return [*groups, others] if others else groups
