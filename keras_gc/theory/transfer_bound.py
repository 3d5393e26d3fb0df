"""The transfer theorem: GC is bounded by the Jacobian in the parameters."""

import dataclasses
import itertools
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import backend, estimators
from keras_gc.backend.scope import discard_updates
from keras_gc.batches import batches_of
from keras_gc.estimators.estimator import flatten_rows, squared_norm
from keras_gc.intercept import intercept
from keras_gc.meter import Meter
from keras_gc.theory.affine_layer import (
    DENSE_AND_CONVOLUTIONS,
    affine_norm,
    affine_part,
)
from keras_gc.theory.jacobian import Jacobian
from keras_gc.theory.parameter_jacobian import (
    ParameterMeter,
    layers_with_weights,
)


@dataclasses.dataclass(frozen=True)
class TransferBound:
    """Both sides of the transfer theorem, at each example.

    Attributes:
        factors: Dict from a layer's name to its factor T_i, an array of shape
            `(examples,)`.
        jacobian_side: `||J||_F^2 sum_i T_i`, array of shape `(examples,)`.
        parameter_side: `||grad_theta f||_F^2`, array of shape `(examples,)`.
        skipped: Dict from the name of a layer that has weights and no factor
            to a sentence that says why.
    """

    factors: dict[str, np.ndarray]
    jacobian_side: np.ndarray
    parameter_side: np.ndarray
    skipped: dict[str, str]

    @property
    def ratio(self) -> np.ndarray:
        """Smaller over larger side: at most 1, but for rounding."""
        return _divide(self.jacobian_side, self.parameter_side)


def transfer_bound(
    model: keras.Model, x: Any, *, batch_size: int = 32
) -> TransferBound:
    """Evaluate the transfer theorem on a model and data.

        ||J(x)||_F^2 sum_i T_i(x) <= ||grad_theta f(x)||_F^2,

    with f the logits, J = df/dx and theta the trainable weights: what presses
    on the right side (the implicit gradient regularisation of SGD, flatness,
    label noise) presses on geometric complexity.

    **Layers.** Layer i is a Dense layer or a convolution: `z = A h + b`, with
    h its input, A the matrix of its linear map (for a convolution, with its
    padding and strides) and its activation part of what follows. Each path
    from x to f leads through it. Then `J = (df/dz) A (dh/dx)` and, as
    `||P Q||_F <= ||P||_F ||Q||_2`,

        ||J||_F^2 <= ||df/dz||_F^2 ||A||_2^2 ||dh/dx||_2^2.

    With S_i the gain from z to the weights,

        S_i = ||grad_i f||_F^2 / ||df/dz||_F^2,
        T_i = S_i / (||A||_2^2 ||dh/dx||_2^2),

    it follows that `||J||_F^2 T_i <= ||grad_i f||_F^2`; the sum over layers
    is the theorem. T_i is taken as 0 where a factor in the quotients is 0, for
    J is 0 there.

    **Dense.** `grad_W f_k` is the outer product of h and `df_k/dz`, and
    `grad_b f_k = df_k/dz`. So `S_i = 1 + ||h||^2` (`||h||^2` without bias),
    which depends on the layers before alone: the theorem of the reference.
    This value is used, so for Dense layers both sides are found independently.

    **Convolutions** use the same weights at each position p. With `h_p` the
    patch that position sees and the rows `(h_p, 1)` stacked in a matrix M,
    the gradient is a sum over positions, `M^T (df_k/dz)`, so S_i lies between
    the smallest and the largest eigenvalue of `M M^T`. The smallest is 0
    where patches are linearly dependent, as they are when there are more
    positions than entries in a patch: where two patches are equal, moving one
    output up and the other down changes no weight's gradient, and no positive
    factor that depends on h alone is valid. So S_i is measured at f: from the
    true gradient in the layer's weights. The same is done for Dense layers
    that act on more than one position.

    Norms of A and dh/dx are computed from below (Lanczos, relative error of
    the order of 1e-4 or less); equality, which a linear model with one output
    reaches, holds up to that error. The model runs in inference mode and is
    not changed.

    Args:
        model: A built model. A softmax or sigmoid at its end is stepped over.
        x: The data, as for `keras_gc.geometric_complexity`.
        batch_size: Examples at a time, for arrays. Default: 32.

    Returns:
        A `TransferBound`. Layers with weights that no factor can be given
        (batch normalisation, layers beside a skip connection, layers
        that are called twice) are left out of the sum, which stays valid, and
        named in `skipped`. Frozen weights have no part in theta.

    Raises:
        TypeError: If `model` is not a `keras.Model`, or the inputs have no
            derivative.
        ValueError: If the model is not built, there are no data, or no layer
            can be given a factor.

    Example:
        >>> import numpy as np, keras, keras_gc
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> bound = keras_gc.theory.transfer_bound(model, np.ones((1, 3)))
        >>> bound.parameter_side  # 1 + ||x||^2
        array([4.])
        >>> bound.ratio  # equality: linear, one output
        array([1.])

    Reference:
        Dherin et al. 2022 (arXiv 2209.13083), theorem 5.1 (Dense layers).
    """
    owners = layers_with_weights(model)
    jacobian = Meter(model, "exact_reverse")
    batches = iter(batches_of(x, jacobian.dtype, batch_size))
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


class _Factor:
    """T_i of one layer.

    Args:
        network: The model's `LogitNetwork`.
        layer: A Dense layer or convolution through which all paths lead.
        is_head: Whether it ends in the probabilities that are stepped over.
        x: A batch.
    """

    def __init__(self, network, layer, is_head, x):
        self._network = network
        self._layer = layer
        self._is_head = is_head
        variables = network.model.variables
        self._before = Jacobian(
            lambda x: (network.point(x), self._input), variables
        )
        shape = self._input(x).shape
        self._norm = affine_norm([layer], shape[1:])
        self.is_measured = not _is_dense_at_one_position(layer, shape)
        self._gain = backend.compiled(
            self._sensitivity if self.is_measured else self._dense_gain,
            variables,
            [],
        )

    def __call__(self, x, gradient):
        """Return T_i at each row of a batch.

        Args:
            x: A batch.
            gradient: `||grad_i f||_F^2` for each row, where it is measured.

        Returns:
            Array `(batch,)`.
        """
        gain = ops.convert_to_numpy(self._gain(x)).astype("float64")
        if self.is_measured:
            gain = _divide(gradient, gain)
        return _divide(gain, (self._norm * self._before.norm_bounds(x)[1]) ** 2)

    def leads_all(self, x):
        """Return whether all paths from x to the logits pass the layer.

        With the layer's output held, nothing connects them any more.
        """
        with discard_updates():
            z = affine_part(self._layer, self._input(x))

        def logits(scale):
            scaled = keras.tree.map_structure(
                lambda leaf: leaf * ops.cast(scale, leaf.dtype), x
            )
            with discard_updates():
                return flatten_rows(self._logits(z, scaled)), None

        try:
            outputs, _, pullback = backend.vjp(logits, ops.ones((1,)))
            pullback(ops.ones_like(outputs))
        except ValueError:  # the seam's word for "not connected"
            return True
        return False

    def _input(self, x):
        """Return h, the layer's input."""
        return _inputs(self._network.model, self._layer, x)[0]

    def _logits(self, z, x):
        """Return f where the layer puts out z before its activation."""
        if self._is_head:
            return z

        def handler(call, *args, **kwargs):
            return self._layer.activation(z)

        with intercept(self._layer, handler):
            return self._network(x, x)[0]

    def _dense_gain(self, x):
        """Return S_i = 1 + ||h||^2."""
        with discard_updates():
            return int(self._layer.use_bias) + squared_norm(self._input(x))

    def _sensitivity(self, x):
        """Return ||df/dz||_F^2."""
        with discard_updates():
            z = affine_part(self._layer, self._input(x))

        def logits(z):
            with discard_updates():
                return self._logits(z, x)

        return estimators.ExactReverse()(logits, z)[1]


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
        calls = len(_inputs(network.model, layer, one))
        if calls != 1:
            skipped[name] = f"is called {calls} times in a forward pass"
            continue
        is_head = any(layer is head for head in heads)
        factor = _Factor(network, layer, is_head, one)
        if factor.leads_all(one):
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


def _is_dense_at_one_position(layer, input_shape):
    # With LoRA enabled the weights are not those of the formula.
    return (
        type(layer) is keras.layers.Dense
        and len(input_shape) == 2
        and not layer.lora_enabled
    )


def _inputs(model, layer, x):
    """Return what the layer is called on, once for each call."""
    inputs = []

    def handler(call, *args, **kwargs):
        inputs.append(args[0])
        return call(*args, **kwargs)

    with intercept(layer, handler), discard_updates():
        model(x, training=False)
    return inputs


def _divide(numerator, denominator):
    """Divide, with 0 where the divisor is 0."""
    return np.divide(
        numerator,
        denominator,
        out=np.zeros_like(numerator),
        where=denominator > 0,
    )
