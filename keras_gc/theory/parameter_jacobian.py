"""How much the logits move with the weights, at each example."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_gc import _validation, backend, estimators, keras_seam
from keras_gc.backend.scope import discard_updates
from keras_gc.logits import LogitNetwork, check_built, check_not_probabilities
from keras_gc.theory.model_batches import model_batches

# `estimator="auto"` is exact up to this many logits.
_EXACT_UP_TO = 32


def parameter_jacobian_norms(
    model: keras.Model,
    x: Any,
    per_layer: bool = False,
    *,
    estimator: Any = "auto",
    seed: int | None = None,
) -> np.ndarray | dict[str, np.ndarray]:
    """Squared norm of the logits' Jacobian in the parameters.

        ||grad_theta f(x)||_F^2 = sum_k ||grad_theta f_k(x)||^2,

    at each example x, with theta the trainable weights and f_k the logits (a
    softmax or sigmoid at the end is stepped over). It is the trace of the
    neural tangent kernel at x. The model runs in inference mode and is not
    changed.

    It is computed by the estimators of geometric complexity, with theta in the
    place of x, one example at a time because examples share their weights.

    Units: (logit / weight unit)^2.

    Args:
        model: `keras.Model`, built.
        x: the data, as for `keras_gc.geometric_complexity`; also integer
            tokens, since the derivative is not taken in x.
        per_layer: bool, whether to return one value for each layer. Their sum
            is the value for all. Defaults to False.
        estimator: `"auto"`, a name or a `keras_gc.estimators.Estimator`.
            `"auto"` is exact (one vector-Jacobian product per logit) up to
            32 logits, else `Hutchinson()`, one random and unbiased product.
            `SampledOutputs` learns from batches of many examples and is of
            no use here. Defaults to `"auto"`.
        seed: int, makes the result repeatable. Defaults to None.

    Returns:
        Array of shape `(examples,)`, in the order of the data; with
        `per_layer`, a dict of them by the layer's name (its path, where two
        layers share a name).

    Raises:
        ValueError: if the model is not built or has no trainable weights, or
            there are no data.

    Example:
    >>> import numpy as np, keras, keras_gc
    >>> linear = keras.layers.Dense(2)  # grad W x + b: (1 + ||x||^2) I
    >>> model = keras.Sequential([keras.Input((3,)), linear])
    >>> keras_gc.theory.parameter_jacobian_norms(model, np.ones((1, 3)))
    array([8.])

    Reference: Dherin et al. 2022 (arXiv 2209.13083), section 5.
    """
    owners = layers_with_weights(model)
    groups = [variables for _, variables in owners.values()]
    if not per_layer:
        groups = [sum(groups, [])]
    meter = ParameterMeter(model, groups, estimator, seed)
    batches = model_batches(model, x, 32)
    norms = np.concatenate([meter(batch) for batch in batches], axis=1)
    return dict(zip(owners, norms, strict=True)) if per_layer else norms[0]


class ParameterMeter:
    """Squared Jacobian norms in groups of parameters, traced once.

    Args:
        model: `keras.Model`, built.
        groups: list of lists of variables.
        estimator: `"auto"`, a name or an `Estimator`. Defaults to `"auto"`.
        seed: int, makes the values repeatable. Defaults to None.
    """

    def __init__(
        self,
        model: keras.Model,
        groups: list[list[keras.Variable]],
        estimator: Any = "auto",
        seed: int | None = None,
    ):
        self.network = LogitNetwork(model)
        self.groups = groups
        self.estimator = (
            None if estimator == "auto" else estimators.get(estimator)
        )
        self.seed = keras.random.SeedGenerator(_validation.seed("seed", seed))
        self._values: Any = None

    def __call__(self, x: Any) -> np.ndarray:
        """Measure one batch.

        Args:
            x: the model's input, tensors.

        Returns:
            Array `(groups, batch)`, float64.
        """
        if self._values is None:
            self._prepare(_row(x, 0))
        columns = [
            ops.convert_to_numpy(self._values(_row(x, index)))
            for index in range(len(keras.tree.flatten(x)[0]))
        ]
        return np.concatenate(columns, axis=1).astype("float64")

    def _prepare(self, one):
        with discard_updates():
            logits = estimators.estimator.flatten_rows(self._logits(one))
        check_not_probabilities(ops.convert_to_numpy(logits))
        if self.estimator is None:
            exact = logits.shape[1] <= _EXACT_UP_TO
            self.estimator = estimators.get(
                "exact_reverse" if exact else "hutchinson"
            )
        self.estimator.build(logits.shape[1])
        self._values = backend.compiled(
            lambda x: ops.stack([self._norm(g, x) for g in self.groups]),
            constants=self.network.model.variables,
            state=[*self.estimator.variables, self.seed.state],
        )

    def _logits(self, x):
        # Not network.point(x), which refuses tokens.
        return self.network(None, x)[0]

    def _norm(self, variables, x):
        """Return ||d logits / d variables||^2 at a batch of one, `(1,)`."""

        def logits(values):
            rows = [value[0] for value in values]
            with discard_updates(zip(variables, rows, strict=True)):
                return self._logits(x)

        # Estimators expect an axis of examples first.
        values = [ops.stop_gradient(v.value)[None] for v in variables]
        return self.estimator(logits, values, self.seed)[1]


def layers_with_weights(model: keras.Model) -> dict[str, tuple]:
    """Return the layers that own trainable weights, by name.

    Args:
        model: a model.

    Returns:
        Dict from a layer's name (its path, where two layers share a name) to
        `(layer, variables)`, in the order of the model's weights.

    Raises:
        TypeError: if `model` is not a `keras.Model`.
        ValueError: if it is not built or has no trainable weights.
    """
    LogitNetwork(model)  # checks the type
    check_built(model)
    if not model.trainable_variables:
        raise ValueError(
            "The model must have trainable weights, for the Jacobian is taken "
            f"with respect to them. Received: model '{model.name}' with none "
            "(`model.trainable` or its layers' `trainable` may be False)"
        )
    # Layers come before those inside them, so the last owner is the innermost.
    owner = {
        id(variable): layer
        for layer in keras_seam.all_layers(model)
        for variable in layer.trainable_variables
    }
    owned: dict[int, tuple] = {}  # id of a layer -> (layer, variables)
    for variable in model.trainable_variables:
        layer = owner[id(variable)]
        owned.setdefault(id(layer), (layer, []))[1].append(variable)
    names = [layer.name for layer, _ in owned.values()]
    return {
        layer.name if names.count(layer.name) == 1 else layer.path: group
        for group in owned.values()
        for layer in group[:1]
    }


def _row(x, index):
    return keras.tree.map_structure(lambda leaf: leaf[index : index + 1], x)
